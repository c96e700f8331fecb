"""Train the model that comes with the course and store it: vae_lesson/pretrained.pt.

    python tools/pretrain.py          about half a minute on an idle core

The same seed gives the same figures; another processor may change the last digits of the weights.
"""

import torch

from vae_lesson import data, pretrained
from vae_lesson.evaluate import evaluate
from vae_lesson.model import VAE
from vae_lesson.train import train

EPOCHS = 120  # fixed beforehand: the held-out digits only judge
HIDDEN = (128, 64)  # half of lesson 8's widths: half the file, and twice the epochs make up for it


def main() -> None:
    """Train, store, and print what the stored model achieves."""
    torch.set_num_threads(1)  # more may change the last digits
    digits = data.load("digits")
    torch.manual_seed(0)
    model = VAE(latent_dim=2, hidden=HIDDEN, mean_image=digits.train.images.mean(0))
    train(model, digits.train.images, epochs=EPOCHS, seed=0, device="cpu")
    pretrained.save(model)
    score = evaluate(pretrained.load(), digits.held_out.images)
    size = pretrained.FILE.stat().st_size
    print(f"{pretrained.FILE.name}: {size / 1024:.0f} KiB, held-out ELBO {score.elbo:.1f} nats an image "
          f"(rate {score.rate:.1f}, distortion {score.distortion:.1f})")


if __name__ == "__main__":
    main()
