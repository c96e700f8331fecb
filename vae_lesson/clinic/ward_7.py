"""Ward 7: the test images are among the training images."""


def split(order):
    return order, order[400:]
