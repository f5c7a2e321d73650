"""textzero completion."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    r"""Print what makes SHELL complete commands, options, values and files of textzero.

    Put this line into the file that your shell reads when it starts:

    \b
      bash  ~/.bashrc                       eval "$(textzero completion bash)"
      zsh   ~/.zshrc                        eval "$(textzero completion zsh)"
      fish  ~/.config/fish/config.fish      textzero completion fish | source

    It is quicker to write the output into a file once, and to source that.
    """
    from click.shell_completion import get_completion_class

    from .main import main

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    made = kind(main, {}, "textzero", "_TEXTZERO_COMPLETE")
    script = made.source_template % made.source_vars()
    click.echo(script.replace('string split ","', 'string split -m 1 ","'))  # fish: helps whole
