"""Recurrent layers that can't be built: the line, and what is wrong with it."""

from __future__ import annotations

import pytest

from pydarknet import CfgError
from tests.lib import nets

# Layers behind the four lines of [net] (16 x 16 x 3), the line of the error, and what its message must say.
WRONG = {
    "gates that shrink": ("[conv_lstm]\noutput=4", 5, ["size=3", "padding 0", "pad=1"]),
    "bottleneck": ("[conv_lstm]\noutput=4\npad=1\nbottleneck=1", 8, ["output=4", "3 channels"]),
    "lstm_activation": ("[conv_lstm]\noutput=4\npad=1\nlstm_activation=thanh", 8, ["thanh", "tanh"]),
    "state_constrain": ("[conv_lstm]\noutput=4\npad=1\nstate_constrain=-1", 8, ["state_constrain=-1"]),
    "history_size": ("[history]\nhistory_size=0", 6, ["history_size=0", "at least 1"]),
    "huge history": (f"[history]\nhistory_size={2**31 - 1}", 5, ["elements"]),
    "output of a gru": ("[gru]\noutput=0", 6, ["output=0", "at least 1"]),
    "hidden of an rnn": ("[rnn]\noutput=4\nhidden=-1", 7, ["hidden=-1"]),
    "logistic of an rnn": ("[rnn]\noutput=4\nlogistic=3", 7, ["logistic=3", "0 to 2"]),
    "huge lstm": (f"[lstm]\noutput={2**31 - 1}", 5, ["elements"]),
    "activation of an rnn": ("[rnn]\noutput=4\nactivation=laeky", 7, ["[rnn]", "laeky"]),
    "two spellings": ("[crnn]\noutput=4\nhidden_filters=4", 6, ["hidden_filters", "two spellings"]),
    "a state that shrinks": ("[crnn]\noutput=4\nhidden=4", 5, ["size=3", "padding 0", "pad=1"]),
    "stride of a crnn": ("[crnn]\noutput=4\nhidden=4\npad=1\nstride=2", 9, ["stride=2"]),
    "groups of a crnn": ("[crnn]\noutput=4\nhidden=4\npad=1\ngroups=2", 9, ["groups=2", "3 input channels"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_layers(case: str) -> None:
    layers, line, words = WRONG[case]
    with pytest.raises(CfgError) as caught:
        nets.network(layers)
    assert caught.value.line == line
    for word in words:
        assert word in str(caught.value)
