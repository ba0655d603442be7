"""Tests of what all generators have in common, those of users included."""

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor

from pykeen_dhns.diffusion import NonFiniteEmbeddingsError
from pykeen_dhns.generators import EmbeddingGenerator, GeneratorConfig, QueryGenerator

from ..helpers.generators import NoisyLinearGenerator

#: Each generator, by what a user gives
GENERATORS = ["diffheg", "noise", "query", NoisyLinearGenerator]
LEARNED = ["diffheg", NoisyLinearGenerator]

each = pytest.mark.parametrize("generator", GENERATORS)
each_learned = pytest.mark.parametrize("generator", LEARNED)

Hint = str | type[EmbeddingGenerator]


def make(generator: Hint, dim: int = 4, num_groups: int = 1) -> EmbeddingGenerator:
    """Make a generator with two levels."""
    config = GeneratorConfig(generator=generator, num_timesteps=20, levels=[0.5, 0.1])
    return config.make_generator(dim, num_groups=num_groups)


def draw(dim: int = 4, num_groups: int = 1) -> tuple[Tensor, Tensor]:
    """Draw targets and conditions. Each group has its own mean and spread."""
    offset = torch.arange(1.0, num_groups + 1).view(-1, 1, 1)
    target, condition = torch.randn(2, num_groups, 64, dim)
    return 0.05 * offset * target - offset, offset * condition


def assert_same_state(first: EmbeddingGenerator, second: EmbeddingGenerator) -> None:
    """Check that two generators have learned the same, bit for bit."""
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)


@each
@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(
    ("dtype", "num_groups", "batch_dims"),
    [
        (torch.float32, 1, (5,)),
        (torch.float64, 3, (2, 5)),
        (torch.float16, 1, (5,)),
        (torch.bfloat16, 1, (2, 3, 4)),
        (torch.complex64, 3, (5,)),
        (torch.complex128, 1, (2, 3, 4)),
        (torch.float32, 1, (0,)),
    ],
)
def test_shapes_and_dtypes(
    generator: Hint, dtype: torch.dtype, num_groups: int, batch_dims: tuple[int, ...], moved: bool
) -> None:
    """There is an embedding for each level, of the shape and dtype of the condition, whatever the generator's dtype."""
    module = make(generator, dim=6, num_groups=num_groups)
    if moved:
        module.to(dtype=torch.empty((), dtype=dtype).real.dtype)
    target, condition = torch.randn(2, num_groups, *batch_dims, 3 if dtype.is_complex else 6).to(dtype=dtype)
    loss = module.update(target, condition)
    assert loss is None or loss.isfinite()
    generated = module.generate(condition)
    assert generated.shape == (2, *target.shape)
    assert generated.dtype == dtype
    assert (torch.view_as_real(generated) if dtype.is_complex else generated).isfinite().all()


@each_learned
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("moved", [False, True])
def test_half_precision(generator: Hint, dtype: torch.dtype, moved: bool) -> None:
    """Embeddings of half precision, far from zero, are learned as well as those of single precision."""
    target, condition = (3 + 0.05 * x for x in torch.randn(2, 1, 256, 4, generator=torch.Generator().manual_seed(0)))
    losses = []
    for half in (False, True):
        torch.manual_seed(0)
        module = make(generator)
        if half and moved:
            module.to(dtype=dtype)
        embeddings = [x.to(dtype) if half else x for x in (target, condition)]
        losses.append([module.update(*embeddings) for _ in range(10)])
        assert module.generate(embeddings[1])[0].float().std() < 1
    torch.testing.assert_close(losses[0], losses[1], rtol=0.05, atol=0.01)


@each_learned
@pytest.mark.parametrize("shape", [(1, 0, 4), (1, 2, 0, 4)])
def test_empty_batch(generator: Hint, shape: tuple[int, ...]) -> None:
    """There is nothing to learn from an empty batch, and nothing changes."""
    module = make(generator)
    module.update(*draw())
    before = copy.deepcopy(module)
    assert module.update(torch.empty(shape), torch.empty(shape)) is None
    assert_same_state(module, before)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("position", [0, 1])
def test_not_finite(value: float, position: int) -> None:
    """A batch with NaN or infinity is refused, and spoils nothing, be it in the targets or in the conditions."""
    module, batch = make("diffheg"), draw()
    batch[position][0, 5, 2] = value
    with pytest.raises(NonFiniteEmbeddingsError, match="infinite or NaN"):
        module.update(*batch)
    assert all(x.isfinite().all() for x in module.state_dict().values() if torch.is_tensor(x))
    loss = module.update(*draw())
    assert loss is not None
    assert loss.isfinite()


@each
def test_scale(generator: Hint) -> None:
    """Embeddings of another mean and spread lead to samples of that mean and spread, in each group."""
    samples = []
    target, condition = draw(num_groups=2)
    for factor, shift in ((1.0, 0.0), (10.0, 3.0)):
        torch.manual_seed(0)
        module = make(generator, num_groups=2)
        module.observe(factor * target + shift, factor * condition + shift)
        # the linear one sees the condition as it is
        condition = condition if generator is NoisyLinearGenerator else factor * condition + shift
        samples.append(module.generate(condition))
    torch.testing.assert_close(samples[1], 10 * samples[0] + 3, rtol=1e-3, atol=1e-2)


@each
def test_mask(generator: Hint) -> None:
    """What is masked does not count, whatever it is."""
    keep = torch.arange(64) % 3 > 0
    results = []
    for masked in (False, True):
        torch.manual_seed(0)
        module, (target, condition) = make(generator), draw()
        mask = None
        if masked:
            target[:, ~keep], condition[:, ~keep], mask = torch.nan, torch.nan, keep.unsqueeze(dim=0)
        else:
            target, condition = target[:, keep], condition[:, keep]
        module.observe(target, condition, mask)
        torch.manual_seed(1)
        results.append(module.generate(draw()[1]))
        if generator is NoisyLinearGenerator:
            # it is not careful enough, as users may be
            continue
        loss = module.loss(target, condition, mask=mask)
        if loss is not None:
            loss.backward()
            assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in module.parameters())
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


@each
def test_levels(generator: Hint) -> None:
    """Levels are sorted, hardest first, and the time steps follow from them."""
    module = make(generator)
    assert module.levels.fractions == (0.1, 0.5)
    assert module.time_steps == (2, 10)


@each
def test_similarity(generator: Hint) -> None:
    """A sample resembles itself most, the less the more noise there is."""
    module, (target, condition) = make(generator), draw()
    module.observe(target, condition)
    similarity = module.similarity(target[:, None, :5].expand(-1, 2, -1, -1), torch.arange(2), target[:, :5])
    assert similarity.shape == (1, 2, 5, 5)
    hard, easy = similarity[0]
    assert (easy.diagonal() < hard.diagonal()).all()
    assert (hard.diagonal() > 0).all()


@each
def test_similarity_is_of_unit_variance(generator: Hint) -> None:
    """Whatever the dimension, similarities of random directions have the variance that is left of the data."""
    module = make(generator, dim=64)
    module.observe(*draw(dim=64))
    samples, targets = torch.randn(1, 2, 200, 64) - 1, torch.randn(1, 300, 64) - 1
    variance = module.process.alphas_cumprod[list(module.time_steps)]
    std = module.similarity(samples, torch.arange(2), targets).flatten(start_dim=2).std(dim=-1)
    torch.testing.assert_close(std[0], variance.sqrt(), rtol=0.05, atol=0)


def test_noise_prefers_no_size() -> None:
    """Noise chooses small and large embeddings equally often: only directions are compared."""
    torch.manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(1, 500, 16), dim=-1)
    target = torch.linspace(1, 5, 500).view(1, -1, 1) * directions
    module = make("noise", dim=16)
    module.observe(target, target)
    samples = module.generate(torch.zeros(1, 20_000, 16))
    nearest = module.similarity(samples.transpose(0, 1), torch.arange(2), target).argmax(dim=-1)
    shares = (nearest // 100).flatten().bincount(minlength=5) / nearest.numel()
    # 0.01 to 0.6 for dot products
    torch.testing.assert_close(shares, torch.full((5,), 0.2), atol=0.03, rtol=0)


@each
def test_generation_changes_nothing(generator: Hint) -> None:
    """Generating neither learns, nor is there a gradient."""
    module, (target, condition) = make(generator), draw()
    module.update(target, condition)
    before = copy.deepcopy(module)
    assert not module.generate(condition.requires_grad_()).requires_grad
    assert_same_state(module, before)


@each
def test_no_gradient_reaches_the_embeddings(generator: Hint) -> None:
    """The loss only trains the generator."""
    module, (target, condition) = make(generator), draw()
    loss = module.loss(target.requires_grad_(), condition.requires_grad_())
    assert (loss is None) == (module.optimizer is None)
    if loss is not None:
        loss.backward()
        assert all(parameter.grad is not None for parameter in module.parameters())
    assert target.grad is None
    assert condition.grad is None


@each_learned
def test_gradient_on_request(generator: Hint) -> None:
    """If asked for, the loss also trains the embeddings."""
    module, (target, condition) = make(generator), draw()
    loss = module.loss(target.requires_grad_(), condition.requires_grad_(), detach=False)
    assert loss is not None
    gradients = torch.autograd.grad(loss, (target, condition))
    assert all(gradient.any() for gradient in gradients)


@each_learned
def test_learns(generator: Hint) -> None:
    """The loss decreases."""
    module, (_, condition) = make(generator), draw()
    losses = [module.update(2 * condition + 1, condition) for _ in range(100)]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])  # type: ignore[arg-type]


@each
def test_seed_fixes_everything(generator: Hint) -> None:
    """The same seed leads to the same weights and samples, bit for bit."""
    results = []
    for _ in range(2):
        torch.manual_seed(7)
        module, (target, condition) = make(generator), draw()
        for _ in range(3):
            module.update(target, condition)
        results.append(module.generate(condition))
    assert results[0].equal(results[1])


@each
@pytest.mark.parametrize("how", ["state dict", "deepcopy", "pickle"])
def test_continues(generator: Hint, how: str) -> None:
    """A generator that is loaded, or copied, goes on as the original: with weights, scales, and optimiser."""
    original, (target, condition) = make(generator), draw()
    for _ in range(3):
        original.update(target, condition)
    if how == "state dict":
        file = io.BytesIO()
        torch.save(original.state_dict(), file)
        file.seek(0)
        other = make(generator)
        # without running code
        other.load_state_dict(torch.load(file, weights_only=True))
    else:
        other = copy.deepcopy(original) if how == "deepcopy" else pickle.loads(pickle.dumps(original))  # noqa: S301
    results = []
    for module in (original, other):
        torch.manual_seed(1)
        module.update(target, condition)
        results.append(module.generate(condition))
    assert results[0].equal(results[1])
    assert_same_state(original, other)


@each
def test_mixed_precision(generator: Hint) -> None:
    """In mixed precision, the result is almost the same."""
    results = []
    for enabled in (False, True):
        torch.manual_seed(0)
        module, (target, condition) = make(generator), draw()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            for _ in range(3):
                module.update(target, condition)
            results.append(module.generate(condition))
    assert results[1].dtype == torch.float32
    torch.testing.assert_close(results[0], results[1], rtol=0.1, atol=0.05)


@each
@pytest.mark.parametrize("shape", [(1, 5, 3), (2, 5, 4), (5, 4)])
def test_wrong_shape(shape: tuple[int, ...], generator: Hint) -> None:
    """Embeddings that do not fit are refused, by name."""
    module = make(generator)
    with pytest.raises(ValueError, match=r"num_groups=1.*dim=4"):
        module.observe(torch.randn(shape), torch.randn(shape))
    with pytest.raises(ValueError, match=r"num_groups=1.*dim=4"):
        module.generate(torch.randn(shape))


def test_query_is_the_condition() -> None:
    """The control of this name returns the condition, at each level."""
    module = make(QueryGenerator)
    _, condition = draw()
    assert all(samples.equal(condition) for samples in module.generate(condition))
