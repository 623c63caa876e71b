"""Suite `preprocess`: foreground and contrasts of 54 × 256² against SciPy, OpenCV, scikit-learn and scikit-image, and
augmentation against keras-preprocessing."""

import cv2
import numpy as np
from keras_preprocessing.image import ImageDataGenerator
from scipy import ndimage
from skimage.exposure import equalize_adapthist
from sklearn.cluster import KMeans

from .harness import Work
from .rule import SIDE, enlarge, in_tissue, uniform

MEMORY = ["foreground+contrast methods=stretch+equalise+clahe slices=54"]
ALL = "stretch+equalise+clahe"


def volume(slices):
    """12-bit grey values: tissue of varying brightness in an ellipse, noise around it."""
    out = np.empty((slices, SIDE, SIDE), np.uint16)
    tissue = in_tissue()
    for s in range(slices):
        smooth = enlarge(uniform(2 * s, 81).reshape(9, 9)).astype(np.float64)
        noise = uniform(2 * s + 1, SIDE * SIDE).reshape(SIDE, SIDE)
        out[s] = np.floor(np.where(tissue, 700.0 + 800.0 * smooth, 0.0) + 120.0 * noise)
    return out


def foreground(image):
    """The paper's steps, with the cast that holds at 255."""
    most = image.max()
    eight_bit = np.minimum(np.floor((most / 10.0) * (image / most) ** 0.5), 255).astype(np.uint8)
    step = ndimage.maximum_filter(eight_bit, size=7)
    step = cv2.erode(step, None, iterations=4)
    step = cv2.GaussianBlur(step, (11, 11), 0)
    # One start of k-means++, scikit-learn's default; the released code's version made ten.
    labels = KMeans(n_clusters=2, random_state=0).fit(step.reshape(-1, 1)).labels_.reshape(image.shape)
    return labels != labels[0, 0]


def stretch(image):
    low, high = np.percentile(image[image != 0], [0.1, 99.9])
    x = image.astype(np.float64)
    return np.where(x <= low, 0.0, np.where(x <= high, 4095 / (high - low) * (x - low), 4095.0))


def equalise(image):
    counts = np.bincount(image.ravel(), minlength=4096)
    below = np.ma.masked_equal(counts.cumsum(), 0)
    below = (below - below.min()) * 4096 / (below.max() - below.min())
    return np.ma.filled(below, 0)[image]


def clahe(image):
    return equalize_adapthist(image, clip_limit=0.03, nbins=256) * 4096


METHODS = {"stretch": stretch, "equalise": equalise, "clahe": clahe}


def contrasts(images, methods):
    return [METHODS[m](image) for m in methods.split("+") for image in images]


def total(images):
    return float(sum(image.sum(dtype=np.float64) for image in images))


def foregrounds(slices):
    def make():
        images = volume(slices)
        return lambda: float(sum(np.count_nonzero(foreground(image)) for image in images))

    # KMeans stops a little before it has converged, which may move a threshold by one grey level.
    return Work(f"foreground slices={slices}", make, check=1e-3, rounds=3)


def contrast(methods, slices):
    def make():
        images = volume(slices)

        def run():
            done = contrasts(images, methods)
            return lambda: total(done)

        return run

    # Ours are single precision.
    return Work(f"contrast methods={methods} slices={slices}", make, check=1e-6, rounds=3)


def pipeline(slices):
    images = volume(slices)

    def run():
        masks = [foreground(image) for image in images]
        masked = [np.where(mask, image, 0).astype(np.uint16) for image, mask in zip(images, masks)]
        done = contrasts(masked, ALL)
        return lambda: float(sum(map(np.count_nonzero, masks))) + total(done)

    return run


def both(slices):
    name = f"foreground+contrast methods={ALL} slices={slices}"
    return Work(name, lambda: pipeline(slices), check=1e-3, rounds=3)


def generator():
    return ImageDataGenerator(
        rotation_range=45, width_shift_range=0.2, height_shift_range=0.2, horizontal_flip=True, vertical_flip=True,
        fill_mode="nearest",
    )


def given(sample):
    drawn = 2.0 * uniform(900 + sample, 5) - 1.0
    return {
        "theta": 45.0 * drawn[0], "tx": 0.2 * SIDE * drawn[1], "ty": 0.2 * SIDE * drawn[2],
        "flip_horizontal": drawn[3] > 0.0, "flip_vertical": drawn[4] > 0.0,
    }


def augment_given(slices):
    def make():
        images = volume(slices).astype(np.float32)[..., None]
        keras = generator()
        parameters = [given(i) for i in range(slices)]

        def run():
            moved = [keras.apply_transform(x, p) for x, p in zip(images, parameters)]
            return lambda: total(moved)

        return run

    return Work(f"augment parameters=given slices={slices}", make, check=1e-6)


def augment_drawn(slices):
    def make():
        flow = generator().flow(volume(slices).astype(np.float32)[..., None], batch_size=slices, seed=1)

        def run():
            moved = next(flow)
            return lambda: total(moved)

        return run

    # Other random numbers.
    return Work(f"augment parameters=drawn slices={slices}", make, check=None)


def use_memory(work, threads):
    """Does the one work of `MEMORY` on the peer's side."""
    cv2.setNumThreads(threads)
    pipeline(54)()()


def works(threads):
    cv2.setNumThreads(threads)
    yield foregrounds(54)
    for method in METHODS:
        yield contrast(method, 54)
    yield both(54)
    yield augment_given(64)
    yield augment_drawn(64)
