"""DialogueRNN: GRUs for the conversation, for each party and for the emotion, each of them run in both directions.

Source: Majumder et al., AAAI 2019, "DialogueRNN: An Attentive RNN for Emotion Detection in Conversations", as
BiDialogueRNN+Att: the base cell, where the listeners' states stay, over the conversation and its reverse, then attention over all
emotion states.

[chosen], other than in the paper: each modality is projected and flagged as present or absent before they are joined to u_t; one
width for all states; dropout on the projected modalities, on the emotion states and behind the dense layer, none inside the GRUs;
as in torch, two biases for each GRU.

Letters in shapes: B conversations, T utterances, D = 2 directions, S speakers, N utterances that came before, K GRU cells, I and O
columns going in and out, d model width, e = 2d width of both directions together.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.files.shapes import Bool, Float, Int64
from merc.networks.attention import MASKED
from merc.networks.dropout import Dropout
from merc.networks.interface import Level, Network, NetworkOutput, check_names
from merc.networks.registry import NetworkConfig, register_network

DIRECTIONS = 2  # the conversation, and the conversation reversed


@register_network
class DialogueRNNConfig(NetworkConfig):
    """Sizes of the rival.

    Attributes:
        width: d of every state and of each direction.
        dropout: on projected modalities, emotion states and the dense layer.
        attention: over all emotion states of the conversation (BiDialogueRNN+Att); without it, the network is BiDialogueRNN.
    """

    name: str = "dialogue_rnn"
    width: int = Field(default=128, ge=4)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    attention: bool = True

    def build(self, widths: Mapping[str, int], classes: int) -> DialogueRNN:
        return DialogueRNN(self, widths, classes)


class DialogueRNN(Network):
    """The network."""

    def __init__(self, config: DialogueRNNConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        d = config.width
        self.config = config
        self.project = nn.ModuleDict({m: nn.Linear(w, d) for m, w in widths.items()})
        self.fuse = nn.Linear(len(widths) * (d + 1), d)
        self.parties = PartyStates(d)
        self.emotion_gru = GRUCells(DIRECTIONS, d, d)
        self.attend = nn.Linear(DIRECTIONS * d, DIRECTIONS * d, bias=False) if config.attention else None  # W_beta
        self.dense = nn.Linear(DIRECTIONS * d, d)
        self.dropout = Dropout(config.dropout)
        self.classifier = nn.Linear(d, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        e_BTe = self.dropout(self._emotions(self._utterances(batch), batch.speakers, batch.valid))
        if self.attend is not None:
            e_BTe = attend_to_all(self.attend(e_BTe), e_BTe, batch.valid)
        return NetworkOutput(Level(self.classifier(self.dropout(F.relu(self.dense(e_BTe))))))

    def _utterances(self, batch: Batch) -> Float[Tensor, "B T d"]:
        """u_t: the projected modalities and their flags of presence, joined and projected to the model width [chosen]."""
        present = batch.present.to(torch.get_default_dtype())
        projected = [
            F.gelu(self.project[m](torch.where(batch.present[..., i, None], x, 0.0))) * present[..., i, None]
            for i, (m, x) in enumerate(batch.inputs.items())
        ]
        return self.fuse(torch.cat([self.dropout(torch.cat(projected, dim=-1)), present], dim=-1))

    def _emotions(
        self, u_BTd: Float[Tensor, "B T d"], speakers_BT: Int64[Tensor, "B T"], valid_BT: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T e"]:
        """e_t = GRU_E(e_{t-1}, q_{s(t), t}) of both directions, side by side."""
        order_BT = reversed_order(valid_BT)
        u_DBTd = torch.stack([u_BTd, reorder(u_BTd, order_BT)])
        q_DBTd = self.parties(u_DBTd, torch.stack([speakers_BT, speakers_BT.gather(1, order_BT)]))
        e_DBd, states = torch.zeros_like(q_DBTd[:, :, 0]), list[Tensor]()
        for from_q in multiply(q_DBTd, self.emotion_gru.input_weight, self.emotion_gru.input_bias).unbind(2):
            e_DBd = self.emotion_gru(from_q, e_DBd)
            states.append(e_DBd)
        forwards, backwards = torch.stack(states, dim=2).unbind(0)
        return torch.cat([forwards, reorder(backwards, order_BT)], dim=-1)


class PartyStates(nn.Module):
    """The party and the global states of a conversation, of width d, in two directions that share no weights."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.gru = GRUCells(2 * DIRECTIONS, 2 * d, d)  # GRU_G of both directions, then GRU_P of both
        self.attend = nn.Parameter(torch.empty(DIRECTIONS, d, d).uniform_(-(d**-0.5), d**-0.5))  # W_alpha

    def forward(self, u_DBTd: Float[Tensor, "D B T d"], speakers_DBT: Int64[Tensor, "D B T"]) -> Float[Tensor, "D B T d"]:
        """q_{s(t), t}: the state of each utterance's speaker, after the utterance.

        c_t = sum_i alpha_i g_i over i < t, with alpha = softmax(u_t^T W_alpha [g_1 .. g_{t-1}]); c_1 = 0
        g_t = GRU_G(g_{t-1}, [u_t ; q_{s(t), t-1}])
        q_{s(t), t} = GRU_P(q_{s(t), t-1}, [u_t ; c_t]); the states of all others stay

        All states start at 0. Neither cell reads the new state of the other, so they run side by side, and products of u_t alone
        are made once for all utterances.

        Args:
            u_DBTd: the utterances in the order of each direction, padding last, so that no attention reads it.
            speakers_DBT: indices of speakers in the same order; the padding (-1) counts as 0.
        """
        read_u, read_state = self.gru.input_weight.chunk(2, dim=1)
        from_u_T = multiply(torch.cat([u_DBTd, u_DBTd]), read_u, self.gru.input_bias).unbind(2)
        asked_T = multiply(u_DBTd, self.attend).unbind(2)
        rows_T, all_rows = rows_of(speakers_DBT)
        parties = u_DBTd.new_zeros(all_rows, u_DBTd.shape[-1])  # the states of all parties, one below the other
        g_DBd = c_DBd = torch.zeros_like(u_DBTd[:, :, 0])
        before_DBNd, states = u_DBTd[:, :, :0], list[Tensor]()
        for rows, from_u, asked_DBd in zip(rows_T, from_u_T, asked_T, strict=True):
            q_DBd = parties.index_select(0, rows).view_as(g_DBd)
            if states:
                before_DBNd = torch.cat([before_DBNd, g_DBd[:, :, None]], dim=2)
                alpha_DBN1 = (before_DBNd @ asked_DBd[..., None]).softmax(dim=2)
                c_DBd = (alpha_DBN1.transpose(2, 3) @ before_DBNd)[:, :, 0]
            from_input = torch.baddbmm(from_u, torch.cat([q_DBd, c_DBd]), read_state)
            g_DBd, q_DBd = self.gru(from_input, torch.cat([g_DBd, q_DBd])).chunk(2)
            parties = parties.index_copy(0, rows, q_DBd.flatten(0, 1))
            states.append(q_DBd)
        return torch.stack(states, dim=2)


class GRUCells(nn.Module):
    """Several GRU cells of one size, each with weights of its own (Cho et al. 2014, as in `torch.nn.GRUCell`).

    One batched product runs them all. Columns of weights and biases: reset gate, update gate, candidate, d each. They start as
    torch's do, uniform within 1 / sqrt(d) of 0. The biases of all cells are one vector, since weight decay spares vectors.

    Args:
        cells: K.
        width_in: I, columns of the input.
        d: width of the state.
    """

    def __init__(self, cells: int, width_in: int, d: int) -> None:
        super().__init__()
        self.input_weight = nn.Parameter(torch.empty(cells, width_in, 3 * d))
        self.input_bias = nn.Parameter(torch.empty(cells * 3 * d))
        self.state_weight = nn.Parameter(torch.empty(cells, d, 3 * d))
        self.state_bias = nn.Parameter(torch.empty(cells * 3 * d))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(d**-0.5), d**-0.5)

    def forward(self, from_input: Float[Tensor, "K B _"], h_KBd: Float[Tensor, "K B d"]) -> Float[Tensor, "K B d"]:
        """The next states; `from_input` is the inputs times `input_weight`, plus `input_bias`."""
        d = h_KBd.shape[-1]
        from_state = torch.baddbmm(self.state_bias.view(h_KBd.shape[0], 1, 3 * d), h_KBd, self.state_weight)
        input_gates, input_candidate = from_input.split([2 * d, d], dim=-1)
        state_gates, state_candidate = from_state.split([2 * d, d], dim=-1)
        reset, update = torch.sigmoid(input_gates + state_gates).chunk(2, dim=-1)
        candidate = torch.tanh(torch.addcmul(input_candidate, reset, state_candidate))
        return torch.lerp(candidate, h_KBd, update)


def multiply(
    x_KBTI: Float[Tensor, "K B T I"], weight_KIO: Float[Tensor, "K I O"], bias: Float[Tensor, " K*O"] | None = None
) -> Float[Tensor, "K B T O"]:
    """x W + b, with a weight for each of K, for all utterances at once."""
    rows = x_KBTI.flatten(1, 2)
    product = torch.bmm(rows, weight_KIO) if bias is None else torch.baddbmm(bias.view(len(rows), 1, -1), rows, weight_KIO)
    return product.unflatten(1, x_KBTI.shape[1:3])


def rows_of(speakers_DBT: Int64[Tensor, "D B T"]) -> tuple[tuple[Tensor, ...], int]:
    """For each utterance the D*B rows of its speakers in a table with S rows a direction and conversation; the number of rows."""
    d, b, t = speakers_DBT.shape
    s = max(1, int(speakers_DBT.max()) + 1)
    first = torch.arange(0, d * b * s, s, device=speakers_DBT.device)
    return (speakers_DBT.clamp_min(0).reshape(d * b, t) + first[:, None]).unbind(1), d * b * s


def reversed_order(valid_BT: Bool[Tensor, "B T"]) -> Int64[Tensor, "B T"]:
    """Positions that turn each conversation round within its length and leave the padding where it is; twice is no change."""
    position = torch.arange(valid_BT.shape[1], device=valid_BT.device)
    return torch.where(valid_BT, valid_BT.sum(dim=1, keepdim=True) - 1 - position, position)


def reorder(x_BTd: Float[Tensor, "B T d"], order_BT: Int64[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
    """The utterances at these positions."""
    return x_BTd.gather(1, order_BT[..., None].expand_as(x_BTd))


def attend_to_all(
    asked_BTe: Float[Tensor, "B T e"], e_BTe: Float[Tensor, "B T e"], valid_BT: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T e"]:
    """sum_i beta_i e_i over the valid utterances, with beta_t = softmax(asked_t [e_1 .. e_T]) and asked_t = e_t^T W_beta."""
    forbidden = (~valid_BT)[:, None] * MASKED
    return torch.baddbmm(forbidden, asked_BTe, e_BTe.transpose(1, 2)).softmax(dim=-1) @ e_BTe
