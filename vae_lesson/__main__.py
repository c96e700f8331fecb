"""The command line: python -m vae_lesson lab | reset | export | train | evaluate | iwae."""

import argparse
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_lesson.distributed import Group

DATA = ("digits", "mnist", "fashion-mnist")

EXAMPLES = """examples:
  python -m vae_lesson lab                                     open the course
  python -m vae_lesson export --to pages                       the course as pages that need no Python
  python -m vae_lesson train --save runs/digits.pt             a two-dimensional map of the digits, on any machine
  python -m vae_lesson train --save runs/digits.pt --resume --epochs 200     go on where that one ended
  python -m vae_lesson train --data mnist --latent-dim 20 --hidden 512 256   the full set; downloaded once
  torchrun --nproc-per-node=2 -m vae_lesson train --save runs/digits.pt      two processes share every batch
  python -m vae_lesson evaluate runs/digits.pt                 ELBO, rate and distortion on held-out images
  python -m vae_lesson evaluate runs/digits.pt --samples 5000  ... and log p(x) by importance sampling
"""


def parser() -> argparse.ArgumentParser:
    """The arguments of every command."""
    top = argparse.ArgumentParser(
        prog="python -m vae_lesson",
        description="An interactive course on the variational autoencoder.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = "lab | reset | export | train | evaluate | iwae"
    commands = top.add_subparsers(dest="command", required=True, metavar=names)

    commands.add_parser(
        "lab",
        help="open the course in JupyterLab",
        description="Open the course in JupyterLab, in copies of the notebooks that are yours: an update of the course "
        "never overwrites what you wrote. Arguments are passed on to JupyterLab, such as --port=9999 --no-browser.",
    )

    reset = commands.add_parser(
        "reset",
        help="start lessons afresh",
        description="Put fresh copies of lessons in place of yours, which are moved to work/kept, and forget the "
        "progress in their exercises.",
    )
    reset.add_argument("lessons", nargs="+", metavar="LESSON", help="how its name begins, such as 05; or all")

    export = commands.add_parser(
        "export",
        help="write the course as pages that need no Python",
        description="Run the notebooks afresh and write them as web pages in which text, mathematics, figures and "
        "widgets work without Python and without a network: open them from the disk, or put the folder on any web "
        "server. The whole course takes some minutes. If a cell fails, nothing is written.",
    )
    export.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="a file or how its name begins, such as 05")
    export.add_argument("--to", type=Path, default=Path("build/pages"), metavar="FOLDER", help="default: %(default)s")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", choices=DATA, default="digits", help="images (default: %(default)s, 5,000, offline)")
    shared.add_argument("--data-dir", help="folder with the IDX files of mnist or fashion-mnist, if you have them")
    shared.add_argument("--device", default="auto", help="cpu, cuda, mps; auto takes an accelerator if there is one")
    shared.add_argument("--seed", type=int, default=0, help="same seed and device, same numbers (default: %(default)s)")

    train = commands.add_parser(
        "train",
        parents=[shared],
        help="train a VAE",
        description="Train a VAE by maximizing the ELBO. Ctrl-C stops after the last whole epoch; --resume goes on "
        "from the saved file as if nothing had happened, on a CPU bit for bit.",
    )
    add = partial(train.add_argument, metavar="N")
    add("--latent-dim", type=int, default=2, help="latent variables: %(default)s gives a map, 10 a better model")
    add("--hidden", type=int, nargs="+", default=[256, 128], help="the encoder's layers (default: widths 256 and 128)")
    train.add_argument(
        "--likelihood", choices=("bernoulli", "gaussian"), default="bernoulli", help="p(x|z) (default: %(default)s)"
    )
    add("--sigma", type=float, help="the gaussian's standard deviation; learned if not given")
    add("--epochs", type=int, default=60, help="passes over the images in all (default: %(default)s)")
    add("--batch-size", type=int, default=128, help="images a step (default: %(default)s)")
    add("--learning-rate", type=float, default=2e-3, help="Adam's step size (default: %(default)s)")
    train.add_argument(
        "--schedule",
        choices=("constant", "one-cycle"),
        default="constant",
        help="of the learning rate; one-cycle: up, then down until the last epoch (default: %(default)s)",
    )
    add("--beta", type=float, default=1.0, help="weight of the rate (default: %(default)s, the ELBO)")
    add("--k", type=int, default=1, help="samples in the K-sample bound that is maximized (default: 1, the ELBO)")
    train.add_argument(
        "--precision",
        choices=("highest", "high", "medium"),
        default="highest",
        help="of matrix products; medium allows bfloat16 (default: %(default)s)",
    )
    add("--patience", type=int, help="stop when the held-out ELBO has not risen for so many epochs")
    add("--save", type=Path, metavar="FILE", help="checkpoint, written after each epoch")
    train.add_argument("--resume", action="store_true", help="go on from --save if it exists")

    evaluate = commands.add_parser(
        "evaluate",
        parents=[shared],
        help="measure a trained VAE on held-out images",
        description="Print ELBO, rate and distortion of a trained VAE on held-out images, in nats an image.",
    )
    evaluate.add_argument("checkpoint", type=Path, help="the file that train --save wrote")
    evaluate.add_argument(
        "--samples", type=int, default=0, metavar="N", help="also log p(x) by importance sampling; 5000 is usual"
    )

    iwae = commands.add_parser(
        "iwae",
        parents=[shared],
        help="train with k = 1, 5, 50 samples and compare log p(x)",
        description="Is a tighter bound a better teacher? Trains a VAE on each K-sample bound and prints log p(x) "
        "beside the figures of Burda, Grosse & Salakhutdinov (2016). With --data mnist this takes hours on a CPU.",
    )
    add = partial(iwae.add_argument, metavar="N")
    add("--ks", type=int, nargs="+", default=[1, 5, 50], help="values of k (default: 1 5 50)")
    add("--epochs", type=int, default=100, help="passes over the images (default: %(default)s)")
    add("--samples", type=int, default=5000, help="samples an image for log p(x) (default: %(default)s)")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 when done, 1 when something went wrong, 2 for wrong usage, 130 for Ctrl-C.

    SIGTERM, from a scheduler or a machine that shuts down, does what Ctrl-C does; the exit code is then 143.
    """
    arguments, others = parser().parse_known_args(argv)
    if arguments.command == "lab":
        arguments.others = others
    elif others:
        parser().error(f"unrecognized arguments: {' '.join(others)}")
    commands = {
        "lab": run_lab,
        "reset": run_reset,
        "export": run_export,
        "train": run_train,
        "evaluate": run_evaluate,
        "iwae": run_iwae,
    }
    stops: list[int] = [signal.SIGINT]

    def as_ctrl_c(number: int, frame: FrameType | None) -> None:
        stops.append(number)
        answer = signal.getsignal(signal.SIGINT)  # ignored, in a shell's background: not then SIGTERM too
        (answer if callable(answer) else signal.default_int_handler)(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, as_ctrl_c)
    try:
        return commands[arguments.command](arguments)
    except KeyboardInterrupt:
        return 128 + stops[-1]
    except (ValueError, OSError, ArithmeticError) as error:  # CheckpointError, DataError and NonFiniteLoss are of these
        print(f"vae_lesson {arguments.command}: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def run_lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab."""
    from vae_lesson.lab import lab

    lab(arguments.others)
    return 0


def run_reset(arguments: argparse.Namespace) -> int:
    """Start lessons afresh."""
    from vae_lesson.lab import reset

    reset(arguments.lessons)
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """Write the course as static pages."""
    from vae_lesson.export import export

    export(arguments.to, arguments.notebooks)
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    """Train, in all the processes that torchrun started, and print the last epoch's figures in one of them."""
    import torch

    from vae_lesson.distributed import together

    with together(arguments.device) as group:
        if group.size > 1 and arguments.device == "auto" and not torch.cuda.is_available():
            arguments.device = "cpu"  # gloo knows no other accelerator, such as mps
        return _train(arguments, group)


def _train(arguments: argparse.Namespace, group: "Group") -> int:
    import torch

    from vae_lesson.data import load
    from vae_lesson.evaluate import evaluate
    from vae_lesson.model import VAE
    from vae_lesson.run import Run
    from vae_lesson.train import train

    if arguments.resume and arguments.save is None:
        raise ValueError("--resume needs --save FILE, the checkpoint to go on from")
    if arguments.save is not None and arguments.save.exists() and not arguments.resume:
        raise ValueError(f"{arguments.save} exists: add --resume to go on from it, or name another file")
    if not group.leads:
        group.wait()  # until the first process has downloaded what is missing
    data = load(arguments.data, arguments.data_dir)
    if group.leads:
        group.wait()
    say = print if group.leads else lambda *_: None
    if arguments.resume and arguments.save.exists():
        model: VAE | Run = Run.load(arguments.save, arguments.device)
        say(f"going on after epoch {model.epoch} of {arguments.save}, with its own model and settings")
    else:
        torch.manual_seed(arguments.seed)  # the model's first weights
        model = VAE(
            arguments.latent_dim,
            arguments.hidden,
            arguments.likelihood,
            sigma=arguments.sigma,
            image_shape=data.train.images.shape[1:],
            mean_image=data.train.images.mean(0),
        )
    run = train(
        model,
        data.train.images,
        data.held_out.images,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        schedule=arguments.schedule,
        beta=arguments.beta,
        k=arguments.k,
        precision=arguments.precision,
        seed=arguments.seed,
        device=arguments.device,
        patience=arguments.patience,
        checkpoint=arguments.save,
    )
    score = evaluate(run.model, data.held_out.images)  # early stopping took an earlier epoch's parameters back
    say(
        f"{run.stopped} after epoch {run.epoch}: held-out ELBO {score.elbo:.1f} nats an image "
        f"(rate {score.rate:.1f}, distortion {score.distortion:.1f})"
    )
    if arguments.save is not None:
        say(f'saved: look at it with python -m vae_lesson evaluate "{arguments.save}"')
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return 0


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Print a checkpoint's held-out figures."""
    from vae_lesson.data import load
    from vae_lesson.evaluate import evaluate
    from vae_lesson.run import Run

    run = Run.load(arguments.checkpoint, arguments.device)
    images = load(arguments.data, arguments.data_dir).held_out.images
    score = evaluate(
        run.model, images, seed=arguments.seed, importance_samples=arguments.samples, progress=arguments.samples > 0
    )
    print(f"{arguments.checkpoint} on {len(images):,} held-out images of {arguments.data}, nats an image:")
    for name in ("elbo", "rate", "distortion"):
        print(f"  {name:<10} {getattr(score, name):9.2f}")
    if score.log_evidence is not None:
        print(f"  {'log p(x)':<10} {score.log_evidence:9.2f}   ({arguments.samples:,} importance samples an image)")
    print(f"latents in use: {score.active_units} of {run.model.latent_dim}")
    return 0


def run_iwae(arguments: argparse.Namespace) -> int:
    """Train with each k and print the table."""
    from vae_lesson.data import load
    from vae_lesson.iwae import compare

    data = load(arguments.data, arguments.data_dir)
    print("  k    ELBO  log p(x)  active units   log p(x), Burda et al.")
    for row in compare(
        data.train.images,
        data.held_out.images,
        ks=arguments.ks,
        epochs=arguments.epochs,
        samples=arguments.samples,
        seed=arguments.seed,
        device=arguments.device,
    ):
        score, published = row.score, "" if row.published is None else f"{row.published:12.2f}"
        print(f"{row.k:3d} {score.elbo:7.2f} {score.log_evidence:9.2f} {score.active_units:13d} {published}")
    print("Theirs: full MNIST, 50 latents, two layers of 200 tanh units, 3,280 epochs of Adam in steps of 20 images.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
