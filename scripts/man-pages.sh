#!/bin/bash
# Writes a man page for the program and one for each of its commands, from what they say of themselves.
# Usage: scripts/man-pages.sh PROGRAM FOLDER
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
program=$1 folder=$2
mkdir -p "$folder"
version=$("$program" --version | sed 's/.* //')

commands() { "$program" --help | sed -n '/^Subcommands:/,$s/^  \([a-z][a-z-]*\) .*/\1/p'; }

# Text that roff takes as it is.
roff() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\\([.']\\)/\\\\\&\\1/"; }

page() { # NAME SUMMARY, help on stdin
  printf '.TH %s 1 "" "tilecompile %s" "tilecompile"\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n' \
    "${1^^}" "$version" "${1//-/\\-}" "$(roff <<< "$2")"
  roff
  printf '.fi\n.SH SEE ALSO\n'
}

{
  "$program" --help | page tilecompile "turns many exposures of one patch of sky into one picture"
  commands | sed 's/.*/.BR tilecompile\\-& (1)/'
} | gzip -9n > "$folder/tilecompile.1.gz"
for command in $(commands); do
  summary=$("$program" "$command" --help | awk 'NF && !told { print; told = 1 }')
  { "$program" "$command" --help | page "tilecompile-$command" "$summary"; echo '.BR tilecompile (1)'; } |
    gzip -9n > "$folder/tilecompile-$command.1.gz"
done
