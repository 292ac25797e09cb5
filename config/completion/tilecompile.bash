# Completion of bash for tilecompile: commands and flags as the program itself names them.
_tilecompile() {
  local word=${COMP_WORDS[COMP_CWORD]} command= help i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
  done
  if [[ -z $command ]]; then
    help=$("${COMP_WORDS[0]}" --help 2> /dev/null | sed -n '/^Subcommands:/,$s/^  \([a-z][a-z-]*\) .*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$help --help --version" -- "$word")
  elif [[ $word == -* ]]; then
    help=$("${COMP_WORDS[0]}" "$command" --help 2> /dev/null | grep -oE -- '--[a-z][A-Za-z0-9_.-]*' | sort -u)
    mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _tilecompile tilecompile
