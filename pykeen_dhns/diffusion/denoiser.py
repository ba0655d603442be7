"""The network that predicts the noise."""

import itertools
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..utils.validation import check_choice, check_size

__all__ = [
    "ConditionalDenoiser",
    "Prediction",
    "SinusoidalTimeEmbedding",
]


#: More hidden layers than this are certainly a mistake
MAX_LAYERS = 1000
#: What the network predicts: the velocity [salimans2022]_, or the noise itself, with the paper's closing layer norm
Prediction = Literal["velocity", "noise"]


class SinusoidalTimeEmbedding(nn.Module):
    """The sinusoidal position embedding of the time step (below Eq. 9)."""

    #: The embeddings of all steps, shape: (num_timesteps + 1, dim)
    table: Tensor

    def __init__(self, num_timesteps: int, dim: int) -> None:
        """Initialize the module.

        :param num_timesteps: the largest time step $T$
        :param dim: the dimension of the embedding, an even number

        :raises ValueError: if the dimension is odd, since half of the time embedding is sine, half is cosine
        """  # noqa: DOC502
        check_size("num_timesteps", num_timesteps)
        check_size("dim", dim, multiple_of=2)
        super().__init__()
        frequencies = 1000 ** (-2 * torch.arange(dim // 2, dtype=torch.float64) / dim)
        angles = torch.arange(num_timesteps + 1, dtype=torch.float64).unsqueeze(dim=-1) * frequencies
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(start_dim=-2)
        self.register_buffer("table", table.to(dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """Embed time steps.

        :param t: shape: `batch_dims`, the time steps, in [0, T]

        :returns: shape: `(*batch_dims, dim)` their embeddings
        """
        return self.table[t]


class ConditionalDenoiser(nn.Module):
    r"""The network of the denoiser: an MLP with layer norm on $(x_t, PE(t), C)$.

    In the paper (Eq. 10), $\epsilon_\theta(x_t, PE(t), C) = \text{LayerNorm}(\text{MLP}(x_t, PE(t), C))$ predicts the
    noise. A layer norm at the end fixes mean and norm of the prediction, while those of the noise vary from sample to
    sample. The reverse process multiplies this error at each step: samples end up more than ten times too large (see
    ``docs/deviations.md``). Therefore, the default moves the layer norm in front of the last layer, and predicts the
    velocity [salimans2022]_, $v = \sqrt{\bar\alpha_t} \epsilon - \sqrt{1 - \bar\alpha_t} x_0$. The noise follows from
    it, and errors are not amplified.
    """

    def __init__(
        self,
        dim: int,
        num_timesteps: int,
        *,
        hidden_dim: int | None = None,
        time_dim: int = 32,
        num_layers: int = 2,
        prediction: Prediction = "velocity",
    ) -> None:
        """Initialize the denoiser.

        :param dim: the (real) dimension of the embeddings and of the condition
        :param num_timesteps: the largest time step $T$
        :param hidden_dim: the dimension of the hidden layers. Defaults to four times the embedding dimension, as in a
            transformer's feed-forward block, but at most 256, where the denoiser would cost more than the model.
        :param time_dim: the dimension of the time embedding, an even number. 32 tells 100 steps well apart.
        :param num_layers: the number of hidden layers, at least 1. The paper's MLP is "simple": 2.
        :param prediction: what the network predicts: ``"velocity"``, or ``"noise"`` for the paper's Eq. 10

        :raises ValueError: if a dimension is not positive, there is no hidden layer, or the kind of prediction is
            unknown
        """  # noqa: DOC502
        check_choice("prediction", prediction, get_args(Prediction))
        check_size("dim", dim)
        check_size("num_layers", num_layers, maximum=MAX_LAYERS)
        check_size("time_dim", time_dim, multiple_of=2)
        if hidden_dim is not None:
            check_size("hidden_dim", hidden_dim)
        super().__init__()
        hidden_dim = min(4 * dim, 256) if hidden_dim is None else hidden_dim
        self.time_embedding = SinusoidalTimeEmbedding(num_timesteps=num_timesteps, dim=time_dim)
        dims = [2 * dim + time_dim] + [hidden_dim] * num_layers
        layers: list[nn.Module] = []
        for dim_in, dim_out in itertools.pairwise(dims):
            layers += [nn.Linear(dim_in, dim_out), nn.SiLU()]
        if prediction == "noise":
            layers += [nn.Linear(hidden_dim, dim), nn.LayerNorm(dim)]
        else:
            layers += [nn.LayerNorm(hidden_dim), nn.Linear(hidden_dim, dim)]
        self.prediction = prediction
        self.layers = nn.Sequential(*layers)

    @property
    def first(self) -> nn.Linear:
        """Return the first layer."""
        return cast(nn.Linear, self.layers[0])

    def encode(self, condition: Tensor) -> Tensor:
        """Compute what conditions add to the first layer. It is the same for all time steps.

        :param condition: shape: `(*batch_dims, dim)` the conditions

        :returns: shape: `(*batch_dims, hidden_dim)` the encoded conditions
        """
        return functional.linear(condition, self.first.weight[:, -condition.shape[-1] :], self.first.bias)

    def predict(self, x_t: Tensor, t: Tensor, encoded_condition: Tensor) -> Tensor:
        """Predict the velocity, or the noise, of noisy embeddings.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: shape: broadcastable to `batch_dims`, the time steps
        :param encoded_condition: shape: `(*batch_dims, hidden_dim)` what :meth:`encode` returns for the conditions

        :returns: shape: `(*batch_dims, dim)` the prediction
        """
        # the first layer, applied to each of its inputs in turn rather than to their concatenation
        weight, dim = self.first.weight, x_t.shape[-1]
        x = functional.linear(x_t, weight[:, :dim]) + encoded_condition
        x = x + functional.linear(self.time_embedding(t), weight[:, dim:-dim])
        for layer in list(self.layers)[1:]:
            x = layer(x)
        return x

    def forward(self, x_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Predict the velocity, or the noise, of noisy embeddings.

        :param x_t: shape: `(*batch_dims, dim)` the noisy embeddings
        :param t: shape: broadcastable to `batch_dims`, the time steps
        :param condition: shape: `(*batch_dims, dim)` the conditions

        :returns: shape: `(*batch_dims, dim)` the prediction
        """
        return self.predict(x_t, t, self.encode(condition))
