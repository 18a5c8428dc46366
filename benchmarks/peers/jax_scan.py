"""JAX: one jitted function per epoch with ``lax.scan`` over its batches; Adam of optax."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.peers.harness import LEARNING_RATE, AfterEpoch, Problem

Carry = tuple[list[jax.Array], Any]  # parameters, and the state of the optimizer


def train(problem: Problem, after_epoch: AfterEpoch) -> str:
    """Train, call ``after_epoch`` after each epoch, and return the versions."""
    optimizer = optax.adam(LEARNING_RATE)
    images, labels = jnp.asarray(problem.scaled), jnp.asarray(problem.labels)
    parameters = [jnp.asarray(weight) for weight in problem.weights]
    state = optimizer.init(parameters)
    key = jax.random.key(0)
    steps, rest = divmod(len(labels), problem.batch_size)

    def loss_of(parameters: list[jax.Array], batch: jax.Array) -> jax.Array:
        x = images[batch]
        for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = jax.nn.relu(x @ kernel + bias)
        logits = x @ parameters[-2] + parameters[-1]
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch])
        return losses.mean()

    def step(carry: Carry, batch: jax.Array) -> tuple[Carry, jax.Array]:
        parameters, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(parameters, batch)
        updates, state = optimizer.update(gradients, state)
        return (optax.apply_updates(parameters, updates), state), loss * len(batch)

    @partial(jax.jit, donate_argnums=0)
    def epoch(carry: Carry, key: jax.Array) -> tuple[Carry, jax.Array]:
        order = jax.random.permutation(key, len(labels))
        whole = order[: steps * problem.batch_size].reshape(steps, problem.batch_size)
        carry, losses = jax.lax.scan(step, carry, whole)
        total = losses.sum()
        if rest:
            carry, last = step(carry, order[-rest:])
            total += last
        return carry, total / len(labels)

    carry = (parameters, state)
    for number in range(problem.epochs):
        carry, loss = epoch(carry, jax.random.fold_in(key, number))
        after_epoch(float(loss))
    return f"JAX {jax.__version__}, optax {optax.__version__}"
