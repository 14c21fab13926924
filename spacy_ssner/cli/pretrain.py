"""`python -m spacy ssner pretrain`: turn an encoder into its SME version by masked-LM training."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional

import typer

from ..errors import Errors, Warnings
from ._app import ssner_app
from ._io import plain_errors

if TYPE_CHECKING:
    from ..pretraining.segments import LengthLaw

LONGEST_SEGMENT = 10  # words; longer entities count as this
TEXT_HELP = (
    "Text (.txt, .txt.gz, .html, .pdf, .jsonl, .spacy; globs), or one folder that `prepare-text` wrote; "
    "then the folder to write"
)
LAW_HELP = (
    "How long masked segments are: entity:TRAIN.spacy (the lengths of its entities), entity:LAW.json, fixed:K, "
    "whole-word, token, geometric:P:MAX"
)
EXCLUDE_HELP = "Labelled file (dev, test) whose sentences are dropped from the text. May be repeated."
BF16_HELP = "Compute in bfloat16; default: on a GPU that has it. CPUs: some with avx512_bf16 or AMX gain."
ACCUMULATE_HELP = "Passes of one step, over all processes; under torchrun a multiple of their number"


@ssner_app.command("pretrain")
def pretrain_cli(
    paths: Annotated[List[str], typer.Argument(metavar="TEXT... OUT", help=TEXT_HELP)],
    encoder: Annotated[str, typer.Option("--encoder", help="Hugging Face folder or hub id")],
    law: Annotated[str, typer.Option("--law", help=LAW_HELP)] = "geometric:0.2:10",
    exclude: Annotated[Optional[List[Path]], typer.Option("--exclude", help=EXCLUDE_HELP)] = None,
    steps: Annotated[int, typer.Option("--steps", min=0, help="Steps; 0: as --epochs says")] = 0,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times the text is read")] = 1,
    learn_rate: Annotated[float, typer.Option("--learn-rate", help="Highest rate of the encoder")] = 2e-4,
    head_factor: Annotated[float, typer.Option("--head-factor", help="Rate of the head, as a factor")] = 5.0,
    max_padded: Annotated[int, typer.Option("--max-padded", min=8, help="Padded pieces in one pass")] = 2048,
    accumulate: Annotated[int, typer.Option("--accumulate", min=1, help=ACCUMULATE_HELP)] = 1,
    budget: Annotated[float, typer.Option("--budget", help="Share of pieces that are masked")] = 0.15,
    per: Annotated[str, typer.Option("--per", help="80/10/10 per segment or per token")] = "segment",
    head_pieces: Annotated[
        int, typer.Option("--head-pieces", help="Masked pieces to fit a fresh head on")
    ] = 50_000,
    held_out_rows: Annotated[
        int, typer.Option("--held-out-rows", help="Rows scored before and after")
    ] = 2000,
    save_every: Annotated[int, typer.Option("--save-every", min=0, help="Steps between checkpoints")] = 500,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in OUT")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    bf16: Annotated[Optional[bool], typer.Option("--bf16/--no-bf16", help=BF16_HELP)] = None,
) -> None:
    """Train an encoder to predict masked segments of threat-intelligence text (stage A of SME).

    OUT becomes a plain Hugging Face folder: give it as vars.encoder or paths.encoder. An encoder without a masked-LM
    head gets one. The same command runs under torchrun: torchrun --nproc-per-node 2 -m spacy ssner pretrain ...
    """
    with plain_errors():
        require_packages()

        from ..memory import keep_freed_memory
        from ..pretraining.masking import MaskSettings
        from ..pretraining.run import PretrainSettings
        from ..pretraining.stage_a import pretrain
        from ..pretraining.tokenised import HELD_OUT, TokenisedCorpus
        from ..pretraining.trainer import check_output, find_checkpoint

        if len(paths) < 2:
            raise ValueError(
                Errors.S262.format(command="pretrain", expected="TEXT... OUT", got=" ".join(paths))
            )
        keep_freed_memory()
        out = Path(paths[-1])
        settings = PretrainSettings(
            n_steps=steps,
            n_epochs=epochs,
            learn_rate=learn_rate,
            head_factor=head_factor,
            max_padded=max_padded,
            accumulate=accumulate,
            head_pieces=head_pieces,
            held_out_rows=held_out_rows,
            seed=seed,
            bf16=choose_bf16(bf16),
        )
        masks = MaskSettings(budget=budget, per=per)
        check_output(encoder, out)
        find_checkpoint(out, resume=resume)  # the law and the text of an unfinished run would be replaced
        segments = read_law(law, out)
        folder = find_corpus(paths[:-1], out / "corpus", encoder, exclude or [])
        progress = Progress()
        report = pretrain(
            encoder,
            TokenisedCorpus.open(folder),
            out,
            held_out=TokenisedCorpus.open(folder / HELD_OUT),
            law=segments,
            masks=masks,
            settings=settings,
            save_every=save_every,
            resume=resume,
            on_stage=progress.begin,
            on_step=progress.update,
        )
        progress.close()
        if progress.is_shown:
            print_scores(report)
    progress.done(f"{out}: encoder after {len(report['steps']):,} steps, {report['seconds']:.0f} s")


def require_packages() -> None:
    """RAISES (ImportError): S129 without the packages of the extra `pretraining` that train."""
    from importlib.util import find_spec

    for name in ("transformers", "accelerate"):
        if find_spec(name) is None:
            raise ImportError(Errors.S129.format(got=name))


def choose_bf16(wanted: Optional[bool]) -> bool:
    """What was asked for; otherwise whether there is a GPU that computes in bfloat16. Prints SW105 for a device that
    is slower so."""
    from wasabi import msg

    from ..nn.precision import computes_in_bfloat16
    from ..pretraining.processes import training_device

    if wanted is None:
        return computes_in_bfloat16("cuda")
    device = training_device().type
    if wanted and not computes_in_bfloat16(device):
        msg.warn(Warnings.SW105.format(setting="--bf16", device=device))
    return wanted


def read_law(text: str, out: Path) -> "LengthLaw":
    """A law of lengths; one of a .spacy file is kept beside the encoder, as segments.json and segments.png.

    RAISES (ValueError): S240, S242 as parse_law; S235, S241 as read_entity_lengths.
    """
    from importlib.util import find_spec

    from ..pretraining.segments import entity_law, parse_law, plot_law, read_entity_lengths, save_law

    kind, _, path = text.partition(":")
    if kind != "entity" or not path.lower().endswith(".spacy"):
        return parse_law(text)
    law = entity_law(read_entity_lengths(path), max_length=LONGEST_SEGMENT)
    save_law(law, out / "segments.json")
    if find_spec("matplotlib") is not None:  # extra "plots"
        plot_law(law, out / "segments.png")
    return law


def find_corpus(texts: List[str], place: Path, encoder: str, exclude: List[Path]) -> Path:
    """The prepared folder that was given, or one made from text in `place`; kept there for the next run.

    RAISES (ValueError): S262 if files are to be excluded from a prepared folder; else as prepare_text.make_corpus.
    """
    from ..pretraining.prepare import PrepareSettings
    from .prepare_text import make_corpus

    if len(texts) == 1 and (Path(texts[0]) / "meta.json").is_file():
        if exclude:
            expected = "--exclude with text, not with a prepared folder,"
            raise ValueError(Errors.S262.format(command="pretrain", expected=expected, got=texts[0]))
        return Path(texts[0])
    max_pieces = min(PrepareSettings().max_pieces, read_max_positions(encoder))
    make_corpus([*texts, str(place)], encoder, exclude, PrepareSettings(max_pieces=max_pieces))
    return place


def read_max_positions(encoder: str) -> int:
    """Longest input of an encoder in pieces. RAISES (ValueError): S107 if it cannot be read."""
    from transformers import AutoConfig

    from ..nn.encoder_loading import check_folder
    from ..nn.piece_encoder import max_positions

    try:
        check_folder(encoder)
        return max_positions(AutoConfig.from_pretrained(encoder))
    except Exception as err:  # transformers raises several kinds
        raise ValueError(Errors.S107.format(name=encoder, got=err)) from err


class Progress:
    """A bar with loss and words per second; only on a terminal, and only in the first process."""

    def __init__(self) -> None:
        from ..pretraining.processes import is_first_process

        self.is_shown = is_first_process()
        self.bar: Any = None
        self.started = 0.0

    def begin(self, what: str, n_steps: int) -> None:
        from tqdm import tqdm
        from wasabi import msg

        self.close()
        if self.is_shown:
            msg.info(what if not n_steps else f"{what}: {n_steps:,} steps")
        if n_steps:
            self.bar = tqdm(total=n_steps, unit="steps", leave=False, disable=None if self.is_shown else True)
            self.started = time.perf_counter()

    def update(self, step: int, loss: float, n_words: int) -> None:
        rate = n_words / (time.perf_counter() - self.started)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} words/s", refresh=False)
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def done(self, text: str) -> None:
        from wasabi import msg

        if self.is_shown:
            msg.good(text)


def print_scores(report: Dict[str, Any]) -> None:
    """Held-out loss and accuracy by segment length, at each stage."""
    from wasabi import table

    stages = [stage for stage in ("before", "after_head", "after") if report.get(stage)]
    if not stages:
        return
    rows = []
    for length, score in report["after"].items():
        values = [report[stage][length] for stage in stages]
        cells = [cell for v in values for cell in (f"{v['loss']:.3f}", f"{100 * v['accuracy']:.1f}")]
        rows.append([length, f"{score['n_pieces']:,}", *cells])
    names = {"before": "before", "after_head": "head fitted", "after": "after"}
    header = ["Length", "Pieces", *(cell for s in stages for cell in (f"Loss {names[s]}", "Acc %"))]
    print(table(rows, header=header, divider=True, aligns=("l", *"r" * (len(header) - 1))))
