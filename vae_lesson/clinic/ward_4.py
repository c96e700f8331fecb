"""Ward 4: the gradients of earlier steps are never cleared."""


def step(optimizer, loss):
    loss.backward()
    optimizer.step()
