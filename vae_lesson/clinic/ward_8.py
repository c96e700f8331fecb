"""Ward 8: the weights of the K-sample bound stand upside down."""

import numpy as np


def bound(log_joint, log_q):
    log_weights = log_q - log_joint
    return np.logaddexp.reduce(log_weights) - np.log(len(log_weights))
