"""Ward 1: the KL has its sign turned."""


def kl(mu, log_var):
    return 0.5 * (1 + log_var - mu**2 - log_var.exp())
