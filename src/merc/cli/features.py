"""`merc features`: features made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merc.cli.terminal import note, staged
from merc.files.extras import require_extra

app = typer.Typer(help="Make features.", no_args_is_help=True)


@app.command()
def text(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a store whose utterances have transcripts.")],
    encoder: Annotated[
        str,
        typer.Option(help="'minilm' or 'minilm-layers' (both offline), a model's folder, or a Hugging Face Hub id."),
    ] = "minilm",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another encoder's feature of the same name.")] = False,
) -> None:
    """Encode the transcripts of a store; if stopped, run it again and it goes on."""
    require_extra("train", "merc features text")
    from merc.data.store.store import open_store
    from merc.encoders.encoding import encode_corpus
    from merc.encoders.text.sentence import text_encoder

    open_store(store, verify=False)  # loading an encoder takes seconds: a wrong folder is told before
    loaded = text_encoder(encoder)
    with staged() as progress:
        spec = encode_corpus(store, loaded, progress, overwrite=overwrite)
    note(f"{store}: feature {spec.key}, dimension {spec.dimension}, encoder {spec.encoder}, version {spec.version}")
