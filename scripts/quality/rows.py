"""The products of a table. Each row is a name and how it is made; a row that this build cannot make is left out."""
import dataclasses

from frames import best_half
from siril import stack_with_siril
from stacks import clipped_mean, equalised, inverse_variance, weighted_mean

V2, RECOMMENDED = "config/tile_compile.v2.yaml", "config/deep-sky.yaml"
PLAIN = "reconstruction.tile_rescale=none"
CLASSICAL, LITERAL = "plain mean", "literal v2"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of tilecompile: configuration, `--set` arguments, and which of its pictures is meant."""
    config: str
    settings: tuple = ()
    product: str = "reconstruction.fits"


@dataclasses.dataclass(frozen=True)
class Numpy:
    """A stack made here from (equalised frames, facts of the frames, frames as they are)."""
    make: object


@dataclasses.dataclass(frozen=True)
class Siril:
    options: str = "-norm=addscale"
    half: bool = False
    low: float = 3
    high: float = 3

    def make(self, stack, facts, out):
        return stack_with_siril(stack[best_half(facts)] if self.half else stack, out, self.options, self.low, self.high)


def extension(*settings):
    return Run(V2, (PLAIN, *settings))


ROWS = {
    CLASSICAL: Run(RECOMMENDED, product="classical.fits"),
    "inverse variance": Numpy(lambda even, facts, raw: weighted_mean(even, inverse_variance(facts))),
    "3-sigma clipped mean": Numpy(lambda even, facts, raw: clipped_mean(even, 3, 3)),
    "5/4-sigma clipped mean": Numpy(lambda even, facts, raw: clipped_mean(even, 5, 4)),
    "best half, plain mean": Numpy(lambda even, facts, raw: weighted_mean(even[best_half(facts)],
                                                                          [1] * len(best_half(facts)))),
    LITERAL: Run(V2),
    "literal v2, final stack": Run(V2, product="stacked.fit"),
    "v2, tiles not rescaled": extension(),
    "+ photometric": extension("normalization.mode=photometric"),
    "+ rescaled to the reference": Run(V2, ("reconstruction.tile_rescale=reference",)),
    "+ sigma_clip": extension("reconstruction.rejection=sigma_clip"),
    "+ noise guard": extension("reconstruction.noise_guard=significance"),
    "+ inverse_variance": extension("global_metrics.mode=inverse_variance"),
    "+ adaptive_weights": extension("global_metrics.adaptive_weights=true"),
    "+ seeing": extension("local_metrics.mode=seeing"),
    "+ seeing, photometric": extension("local_metrics.mode=seeing", "normalization.mode=photometric"),
    "+ seeing, photometric, sharpness 4": extension("local_metrics.mode=seeing", "normalization.mode=photometric",
                                                    "local_metrics.sharpness=4"),
    "+ local sky": extension("reconstruction.local_sky=mean"),
    "+ edge feather 8 px": extension("reconstruction.edge_feather_px=8"),
    "v2, weighted_average stack": Run(V2, (PLAIN, "stacking.method=weighted_average", "stacking.engine=internal"),
                                      "stacked.fit"),
    "recommended": Run(RECOMMENDED, product="stacked.fit"),
    "Siril winsorized": Siril(),
    "Siril winsorized, weighted": Siril("-norm=addscale -weighted"),
    "Siril winsorized, best half": Siril(half=True),
}
