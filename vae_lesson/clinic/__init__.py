"""Eight broken VAEs, each a small program with one part gone wrong as in the wild. Taught in 11_bug_clinic.

`program` is the healthy one; ward_1 to ward_8 each hold the part that replaces one of its parts, and say in their first
line what is wrong: don't open them before the diagnosis.
"""

from vae_lesson.clinic import ward_1, ward_2, ward_3, ward_4, ward_5, ward_6, ward_7, ward_8
from vae_lesson.clinic.listing import listing
from vae_lesson.clinic.program import LATENTS, Chart, run

WARDS = (ward_1, ward_2, ward_3, ward_4, ward_5, ward_6, ward_7, ward_8)

__all__ = ["LATENTS", "WARDS", "Chart", "listing", "run", *(f"ward_{number}" for number in range(1, 9))]
