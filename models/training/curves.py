"""The history of a run as a picture."""

from pathlib import Path

from models.training.folder import History


def draw(history: History, path: Path) -> None:
    """Losses, and shares that were right, over epochs; the best epoch is marked."""
    import matplotlib as mpl  # noqa: PLC0415 - only when a picture is wanted

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    epochs = range(1, len(history.rows) + 1)
    figure, (losses, shares) = plt.subplots(1, 2, figsize=(8.0, 3.0), layout="constrained")
    for key, label in (("train_loss", "training (varied)"), ("validation_loss", "validation")):
        losses.plot(epochs, [row[key] for row in history.rows], label=label)
    losses.set(xlabel="epoch", ylabel="cross entropy", yscale="log")
    for key, label in (("validation_right", "all"), ("validation_balanced", "mean of classes")):
        shares.plot(epochs, [row[key] for row in history.rows], label=label)
    shares.set(xlabel="epoch", ylabel="right, validation")
    for axes in (losses, shares):
        axes.axvline(history.best + 1, color="grey", linestyle=":", label="best")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=90)
    plt.close(figure)
