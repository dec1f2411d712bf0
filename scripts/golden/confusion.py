"""Goldens of confusion matrices: scikit-learn's counts and shares for class numbers, one-hot rows and probabilities."""

from common import Golden, np, rng
from sklearn.metrics import confusion_matrix

golden = Golden("confusion")


def case(name, y_true, y_pred, classes, **given):
    """`given`: what the test passes where that isn't class numbers."""
    labels = list(range(classes))
    golden.case(
        name,
        yTrue=given.get("given_true", y_true),
        yPred=given.get("given_pred", y_pred),
        classes=classes,
        counts=confusion_matrix(y_true, y_pred, labels=labels),
        **{
            by: confusion_matrix(y_true, y_pred, labels=labels, normalize=by).astype("float64")
            for by in ("true", "pred", "all")
        },
    )


case("two classes", np.array([0, 1, 1, 0, 1], "int32"), np.array([0, 1, 0, 0, 1], "int32"), 2)

truth = rng(1).integers(0, 10, 200).astype("int32")
noise = rng(2).random(200) < 0.3
guess = np.where(noise, rng(3).integers(0, 10, 200), truth).astype("int32")
case("ten classes", truth, guess, 10)
case("one-hot", truth, guess, 10, given_true=np.eye(10, dtype="float32")[truth])

probabilities = rng(4).random((200, 10)).astype("float32") + 2 * np.eye(10, dtype="float32")[guess]
probabilities /= probabilities.sum(axis=1, keepdims=True)
case("probabilities", truth, probabilities.argmax(axis=1), 10, given_pred=probabilities)

case("a class never predicted and one that never occurs", np.array([0, 0, 1, 3], "int32"), np.array([1, 0, 1, 1], "int32"), 5)
case("all right", np.array([2, 0, 1], "int32"), np.array([2, 0, 1], "int32"), 3)
golden.save()
