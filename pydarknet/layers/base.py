"""What every layer is: shapes from a cfg section, parameters in file order, and its part of the inference plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import ClassVar, TypeVar

from ..backends.ops import Array, Pair
from ..dialects import DEFAULT, DIALECTS, Dialect
from ..formats.cfg import Section
from ..formats.cfg_keys import Keys
from ..formats.layouts import Record
from ..formats.tree import Tree
from ..plan.plan import Builder, Value
from ..plan.shapes import Shape
from ..plan.tape import Tape

MAX_ELEMENTS = 2**31 - 1  # Darknet counts elements in a C int
MAX_EXTENT = 1 << 12  # of a window, a stride or a padding: what every op takes

# Keys that the Darknets read in a section of any type.
ANY_LAYER = Keys(
    training={"clip": 0.0, "dont_update": 0, "burnin_update": 0, "train_only_bn": 0, "truth": 0, "smooth": 0.0}
)


class Layer(ABC):
    """One section of a cfg.

    `inputs` and `out` are the shapes of one image. `path` says where the layer stands ("12"); a layer that owns
    layers gives them paths below its own ("12.input") and has their records under names below it ("input.weights").
    `records` names the parameters in the order of the weights file; `parameters` holds them by name (NumPy arrays,
    often views of the mapped file). `flops` counts what Darknet's `ops` counts (2 per multiply-add) for one image.
    `keys` declares those that `configure` doesn't read. `tree` is the WordTree of its classes, where it has one.
    `dialect` is the network's. CfgError if the section can't be built.
    """

    keys: ClassVar[Keys] = Keys()
    inner: Mapping[str, Layer] = MappingProxyType({})  # the layers that it owns, by name, in file order
    dialect: Dialect = DIALECTS[DEFAULT]
    tree: Tree | None = None
    transposable: ClassVar[bool] = False
    gives_signs: bool = False  # AlexeyAB's bin_output=1: his output has no activation, which signs don't show
    reads_signs: bool = False  # whether nothing but the signs of its input counts

    def __init__(self, section: Section, index: int, inputs: Shape, previous: Sequence[Layer]) -> None:
        self.section = section
        self.index = index
        self.path = str(index)
        self.type = section.type
        self.inputs = inputs
        self.out = inputs
        self.flops = 0
        self.records: Sequence[Record] = ()
        self.parameters: MutableMapping[str, Array] = {}
        self.output_of: Callable[[int], Array] | None = None
        self.dontload = section.bool_("dontload", False)
        self.dontsave = section.bool_("dontsave", False)
        self.dontloadscales = section.bool_("dontloadscales", False)
        self.numload = section.int_("numload", 0)
        self.flipped = section.bool_("flipped", False)
        self.learning_rate = section.float_("learning_rate", 1.0)
        self.stopbackward = section.int_("stopbackward", 0)
        self.onlyforward = section.bool_("onlyforward", False)
        section.declare(ANY_LAYER | self.keys)
        self.configure(section, previous)
        self.check()

    @property
    def learners(self) -> Sequence[Layer]:
        """The layers that it owns, else itself."""
        return tuple(self.inner.values()) or (self,)

    @property
    def layouts(self) -> Sequence[Sequence[Record]]:
        """The records as one Darknet or another stores them; `records` is one of these."""
        return (self.records,)

    def take_layout(self, index: int) -> None:
        """Make one of `layouts` the records, with what parameters there are."""
        if index:
            raise ValueError(f"{self!r} is stored in one way only")

    def start_of(self, name: str) -> tuple[float, float] | None:
        """Where a parameter starts that isn't distributed as usual: evenly, so far around this number."""
        return None

    def adopt(self, dialect: Dialect) -> None:
        """Take the network's dialect. CfgError if the parameters are of another one."""
        self.dialect = dialect

    @abstractmethod
    def configure(self, section: Section, previous: Sequence[Layer]) -> None:
        """Read the section's options; set `out`, and `records` and `flops` where there are any."""

    @abstractmethod
    def plan(self, p: Builder, x: Value) -> Value:
        """Append this layer's steps for input `x`; returns the value that is its output."""

    def train(self, p: Tape, x: Value) -> Value:
        """Append the forward steps of training, where they are not those of inference."""
        return self.plan(p, x)

    def backward(self, p: Tape, x: Value, y: Value) -> None:
        """Append the steps from the delta of output y to that of input x and to the updates."""
        raise self.section.error("can't be trained")

    def reshape(self, inputs: Shape, previous: Sequence[Layer]) -> None:
        """Take a new input size, keeping parameters. CfgError if their shapes would change."""
        before = [record.shape for record in self.records]
        self.inputs = self.out = inputs
        self.configure(self.section, previous)
        self.check()
        if [record.shape for record in self.records] != before:
            raise self.section.error("can't take another input size: its weights belong to one size only")

    def check(self) -> None:
        """CfgError if the output is empty or larger than Darknet can count."""
        if min(self.out) < 1:
            raise self.section.error(f"gives an empty output ({self.out}) for the input {self.inputs}")
        sizes = [self.out.size, *(record.size for record in self.records)]
        if max(sizes) > MAX_ELEMENTS:
            raise self.section.error(f"needs {max(sizes)} elements in one array; at most {MAX_ELEMENTS} are possible")

    def check_parameters(self) -> None:
        """ValueError if one of its parameters has another shape than it should."""
        for record in self.records:
            found = getattr(self.parameters.get(record.name, record), "shape", None)
            if found != record.shape:
                where = f"layer {self.index} ({self.type}), {record.name}"
                raise ValueError(f"{where}: expected an array of shape {record.shape}, found {found}")

    def key(self, name: str) -> str:
        """The name of one of its parameters or constants among the network's: "12.weights"."""
        return f"{self.path}.{name}"

    @property
    def output(self) -> Array:
        """This layer's output (N, C, H, W) in the network's last forward pass."""
        if self.output_of is None:
            raise RuntimeError("the layer belongs to no network")
        return self.output_of(self.index)

    def __repr__(self) -> str:
        return f"<{self.index} {self.type}: {self.inputs} -> {self.out}>"


def read_strides(section: Section, low: int = 1) -> Pair:
    """`stride_y` and `stride_x`; `stride` for those that are missing, or below 1 where `low` lets them be."""
    stride = section.int_("stride", 1, low=1, high=MAX_EXTENT)
    down, across = (section.int_(key, stride, low=low, high=MAX_EXTENT) for key in ("stride_y", "stride_x"))
    return down if down > 0 else stride, across if across > 0 else stride


REGISTRY: dict[str, type[Layer]] = {}
_L = TypeVar("_L", bound=type[Layer])


def register(*types: str) -> Callable[[_L], _L]:
    """Make a class the layer of these section names."""

    def add(layer: _L) -> _L:
        REGISTRY.update(dict.fromkeys(types, layer))
        return layer

    return add
