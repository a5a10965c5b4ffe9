"""Prepare the summary of `report.html` and the sentences beside its curves."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dogbreeds.network.head import is_uneven
from dogbreeds.package.card import FITTED
from dogbreeds.report.numbers import interval, percent


class Kept(NamedTuple):
    """The epoch whose weights were kept."""

    epoch: int
    sentence: str


def served_card(card: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card with the figures of the form that was evaluated, int8 or fp32, alone."""
    int8, precision = card.get("int8") or {}, evaluation.get("precision")
    served = {name: value for name, value in card.items() if name != "int8"}
    if precision == "int8":
        served |= {name: int8[name] for name in FITTED if name in int8}
    if precision:
        served["form"] = precision
    if reason := int8.get("reason"):
        served["int8"] = reason
    return served


def kept(history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> Kept | None:
    """Return which epoch the package has, and why; None where nothing was fitted."""
    if not history:
        return None
    last = int(history[-1]["epoch"])
    tuned = settings.get("finetune") or {}
    if "best_epoch" not in tuned:
        return Kept(
            last, f"the head after the last epoch, {last}, where the learning rate has come to 0."
        )
    best, share = int(tuned["best_epoch"]), float(tuned["interpolation_share"])
    sentence = f"epoch {best}, which has the lowest valid loss; "
    if share == 0:
        sentence += "but the package has the head-only weights, which have the lower valid loss."
    elif share < 1:
        way = percent(share, 0)
        sentence += f"the package lies {way} of the way to it from the head-only weights."
    else:
        sentence += "the package has its weights."
    return Kept(best, sentence)


def why_train_is_above(
    history: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], epoch: int
) -> str:
    """Return why train's loss is above valid's in an epoch; "" where it is not."""
    row = next(row for row in history if int(row["epoch"]) == epoch)
    if not (row.get("train_loss") and row.get("valid_loss")):
        return ""
    if row["train_loss"] <= row["valid_loss"]:
        return ""
    if "best_epoch" in (settings.get("finetune") or {}):
        return (
            "Train's loss is above valid's because it is measured while the network learns, on "
            "crops and colours that vary, valid's after each epoch on photos as they are served."
        )
    return (
        "Train's loss is above valid's: this head is held near the pretrained one, so it learns no "
        "photo by heart, and train holds harder photos and the mirror image of each."
    )


def likely(evaluation: Mapping[str, Any]) -> str:
    """Return how well the sets of likely breeds hold the right one; or why there are none."""
    if sets := evaluation.get("likely"):
        return (
            f"Answers name the smallest set of breeds that holds the right one in "
            f"{percent(sets['asked'], 0)} of photos. On the test photos the breeds at or above its "
            f"threshold do in {percent(sets['of_threshold'])} "
            f"({interval(sets['of_threshold_interval'])}); with the favourite, which is always "
            f"among them, in {percent(sets['coverage'])} ({interval(sets['coverage_interval'])}), "
            f"and a set has {sets['mean_size']:.2f} breeds on average."
        )
    seen = evaluation.get("seen_by_backbone") or {}
    if seen.get("most"):
        return (
            "Answers name no set of likely breeds, because the backbone has learnt from most of "
            "the valid photos: sets fitted on them would be too small for new photos."
        )
    return ""


def uneven(audit: Mapping[str, Any]) -> str:
    """Return what was done about breeds of very different numbers of photos; "" for nothing."""
    counts = [int(splits.get("train") or 0) for splits in (audit.get("breeds") or {}).values()]
    if not counts or not is_uneven(counts):
        return ""
    return (
        f"The largest breed has {max(counts):,} train photos and the smallest {min(counts):,}, so "
        "the logits were adjusted in training, and calibrated with the same weight for each breed: "
        "the small ones are named as readily as the large ones."
    )


def notices(
    evaluation: Mapping[str, Any],
    audit: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return the warnings at the top of the page."""
    sentences = []
    if seen := int(evaluation.get("imagenet_photos") or 0):
        sentences.append(
            f"{seen:,} of the {int(evaluation['photos']):,} test photos have names of ImageNet's "
            "photos. A backbone pretrained on ImageNet has seen those with their labels, so these "
            "figures are too high: on new photos it will be right less often."
        )
    if reason := (evaluation.get("seen_by_backbone") or {}).get("head_only_because"):
        sentences.append(reason)
    if findings:
        names = ", ".join(str(finding["rule"]) for finding in findings)
        sentences.append(f"The watch over training found {names}: see below.")
    if accepted := [str(f["kind"]) for f in audit.get("findings", []) if f.get("accepted")]:
        sentences.append(f"Accepted in the photos: {', '.join(accepted)}. See the audit below.")
    return sentences
