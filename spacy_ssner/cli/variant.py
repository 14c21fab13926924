"""`python -m spacy ssner variant`: a config with parts of the model switched on or off or settings changed."""

from difflib import get_close_matches
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, List, Mapping, Optional

import srsly
import typer

from ..errors import Errors, Warnings
from ..files import write_text
from ._app import ssner_app
from ._io import is_pipeline, plain_errors, read_config, split_names

if TYPE_CHECKING:
    from thinc.api import Config

# Sublayers with the registered architecture that --on puts in, with its default settings.
SUBLAYERS = {
    "char_cnn": "spacy-ssner.CharCNN.v1",
    "lexicon": "spacy-ssner.Lexicon.v1",
    "bilstm": "spacy-ssner.BiLSTM.v1",
    "similar_words": "spacy-ssner.SimilarWords.v1",
    "fusion": "spacy-ssner.Fusion.v1",
}
FROM_FILES = ("similar_words", "lexicon")  # each has a setting of the same name in [initialize] and [paths]
ON_HELP = "Sublayers to switch on with their default settings, separated by commas; may be repeated"
OFF_HELP = f"Sublayers to switch off, separated by commas, may be repeated: {', '.join(SUBLAYERS)}"
SOURCE_HELP = (
    "Trained pipeline (folder or package) with whose component the training goes on, as it is, in place of that of "
    "CONFIG"
)
SET_HELP = "Setting to change, as section.name=value (JSON or a bare word); may be repeated"


@ssner_app.command("variant")
def variant_cli(
    config_path: Annotated[Path, typer.Argument(metavar="CONFIG", help="Config with an ssner component")],
    output_path: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help="Config to write")],
    on: Annotated[Optional[List[str]], typer.Option("--on", help=ON_HELP)] = None,
    off: Annotated[Optional[List[str]], typer.Option("--off", help=OFF_HELP)] = None,
    changes: Annotated[Optional[List[str]], typer.Option("--set", help=SET_HELP)] = None,
    source: Annotated[Optional[str], typer.Option("--source", help=SOURCE_HELP)] = None,
    component: Annotated[str, typer.Option("--component", help="Name of the component")] = "ssner",
) -> None:
    """Write a config for an ablation. (`spacy train` can't replace a section by null on its command line.)"""
    from wasabi import msg

    with plain_errors():
        if output_path.resolve() == config_path.resolve():
            expected = "OUT to be another file than CONFIG"
            raise ValueError(Errors.S262.format(command="variant", expected=expected, got=output_path))
        config = read_config(config_path, interpolate=False)
        switch_on(config, split_names(on), component=component)
        switch_off(config, split_names(off), component=component)
        if source is not None:
            start_from(config, source, component=component)
            if not is_pipeline(source):
                msg.warn(Warnings.SW274.format(path=source))
        for change in changes or []:
            set_value(config, change)
        write_text(output_path, config.to_str(interpolate=False))
    msg.good(f"{output_path}")


def switch_on(config: "Config", names: List[str], *, component: str) -> None:
    """Give the model sublayers with default settings where it has none; their files come from [paths].

    RAISES (ValueError): S114, S115, as `switch_off`.
    """
    model = find_model(config, names, component=component)
    for name in names:
        if model.get(name) is None:
            model[name] = {"@architectures": SUBLAYERS[name]}
        if name in FROM_FILES:
            config.setdefault("paths", {}).setdefault(name, None)
            components = config.setdefault("initialize", {}).setdefault("components", {})
            components.setdefault(component, {}).setdefault(name, f"${{paths.{name}}}")


def switch_off(config: "Config", names: List[str], *, component: str) -> None:
    """Set sublayers of the model to null; fusion goes with similar words, and their files with them.

    RAISES (ValueError): S114 for a sublayer that does not exist, S115 if there is no such component.
    """
    model = find_model(config, names, component=component)
    for name in names:
        model[name] = None
        if name in FROM_FILES:
            config.get("initialize", {}).get("components", {}).get(component, {}).pop(name, None)
    if "similar_words" in names:
        model["fusion"] = None


def start_from(config: "Config", source: str, *, component: str) -> None:
    """Let the training go on with the component of a trained pipeline, whose model, files and labels it keeps.

    RAISES (ValueError): S115, as `switch_off`.
    """
    find_model(config, [], component=component)
    config["components"][component] = {"source": source}
    config.get("initialize", {}).get("components", {}).pop(component, None)


def find_model(config: "Config", names: List[str], *, component: str) -> Any:
    """The component's model block. RAISES (ValueError): S114 for an unknown sublayer, S115 if there is none."""
    unknown = sorted(set(names) - set(SUBLAYERS))
    if unknown:
        raise ValueError(Errors.S114.format(expected=", ".join(SUBLAYERS), got=", ".join(unknown)))
    model = config.get("components", {}).get(component, {}).get("model")
    if model is None:
        known = ", ".join(config.get("components", {})) or "none"
        raise ValueError(Errors.S115.format(expected=known, got=component))
    return model


def set_value(config: "Config", change: str) -> None:
    """Apply `section.name=value`.

    RAISES (ValueError): S116 if it has another form or the section is not there, S152 for a setting that the section's
        function does not have.
    """
    key, sign, text = change.partition("=")
    *path, name = key.strip().split(".")
    node: Any = config
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    if not sign or not path or not isinstance(node, dict):
        raise ValueError(Errors.S116.format(got=change))
    known = None if name in node else known_settings(node)
    if known is not None and name not in known:
        closest = get_close_matches(name, known, n=1)
        meant = f"Did you mean '{closest[0]}'? " if closest else ""
        raise ValueError(Errors.S152.format(got=change, known=", ".join(known) or "none", meant=meant))
    try:
        node[name] = srsly.json_loads(text)
    except ValueError:
        node[name] = text


def known_settings(block: Mapping[str, Any]) -> Optional[List[str]]:
    """Names of the settings that a section of a config may have; None where that is not known.

    Known are those of sections with a registered function (`@architectures`), or with a component's `factory`.
    """
    from spacy import registry
    from spacy.util import RegistryError

    try:
        if "factory" in block:
            given = {"nlp", "name"}  # by spaCy
            known = {"factory", *signature(registry.factories.get(block["factory"])).parameters} - given
            return sorted(known)
        for key, name in block.items():
            if key.startswith("@"):
                parameters = signature(registry.get(key[1:], name)).parameters.values()
                is_open = any(p.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL) for p in parameters)
                return None if is_open else sorted(p.name for p in parameters)
    except (RegistryError, ValueError):  # a function or factory that is not installed
        pass
    return None
