"""The plan's axes, sampler and pruner as Optuna's."""

from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, RandomSampler, TPESampler

from mlops_cli.config.sweeps import Axis, Choices
from mlops_cli.tuning.plan import Plan


def distribution(axis: Axis) -> BaseDistribution:
    """An axis in Optuna's words."""
    if isinstance(axis, Choices):
        return CategoricalDistribution(axis.values)
    if axis.whole:
        step = 1 if axis.log else int(axis.step or 1)
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=step)
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def values(distribution: BaseDistribution) -> list[Any]:
    """The values of an axis that has a step."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    assert isinstance(distribution, FloatDistribution)
    assert distribution.step is not None
    count = round((distribution.high - distribution.low) / distribution.step) + 1
    return [distribution.low + number * distribution.step for number in range(count)]


def sampler(plan: Plan, number: int) -> BaseSampler:
    """The plan's sampler for the trial of this number, which alone its randomness depends on."""
    seed = (plan.seed * 1_000_003 + number) % 2**32
    if plan.sampler == "tpe":
        return TPESampler(n_startup_trials=plan.startup, seed=seed)
    if plan.sampler == "cmaes":
        return CmaEsSampler(
            n_startup_trials=plan.startup, seed=seed, warn_independent_sampling=False
        )
    if plan.sampler == "nsga2":
        return NSGAIISampler(population_size=max(plan.startup, 8), seed=seed)
    return RandomSampler(seed=seed)


def pruner(plan: Plan) -> BasePruner:
    """What decides which trials are ended early; the median, from the second epoch on."""
    if plan.pruner == "median":
        return MedianPruner(n_startup_trials=plan.startup, n_warmup_steps=2)
    if plan.pruner == "asha":
        return SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return NopPruner()
