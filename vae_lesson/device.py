"""Where to compute: the CPU, or an accelerator if there is one."""

import torch


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The device named, or the best at hand.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps" ...; None or "auto" takes an accelerator where there is one, else the CPU.

    Returns:
        A torch.device on which tensors can be made.

    Raises:
        ValueError: the device is unknown, or not on this machine.
    """
    if name is None or name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        found = torch.accelerator.current_accelerator(check_available=True)
        here = f"cpu and {found.type}" if found else "only cpu"
        raise ValueError(f"device {str(name)!r} can't be used here; this machine has {here}") from error
    return device
