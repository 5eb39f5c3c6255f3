/*
 * Owns the completion scripts of bash, zsh and fish. Everything that can be typed stands in the script, so that the tab
 * key doesn't start the program. Pure.
 */
import type { CommandWords, OptionWords, Shell, ValueWords } from "./completionwords.ts";

/** The script that a shell loads to complete `cqlduck`. */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](commands);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Each option that takes a value and each argument, with the word that bash's `case` knows it by. */
function valuesOf(command: CommandWords): [key: string, value: ValueWords][] {
  const options = command.options.flatMap(({ names, value }) =>
    value ? names.map((name): [string, ValueWords] => [quote(`${command.name} ${name}`), value]) : [],
  );
  const last = command.values.length - 1;
  const args = command.values.map((value, i): [string, ValueWords] => [
    command.variadic && i === last ? `${quote(`${command.name} `)}*` : quote(`${command.name} ${i}`),
    value,
  ]);
  return [...options, ...args];
}

function bashScript(commands: readonly CommandWords[]): string {
  const values = commands.flatMap(valuesOf).map(([key, { kind, words }]) => {
    return `    ${key}) kind=${kind} words=${quote(words.join(" "))} ;;`;
  });
  const options = commands.map(({ name, options }) => {
    return `    ${quote(name)}) words=${quote(options.flatMap((option) => option.names).join(" "))} ;;`;
  });
  // bash takes `--option=value` for three words, unless COMP_WORDBREAKS was changed; then it is one.
  return `# bash completion of cqlduck

# Sets kind and words for an option or a position of a command; kind is empty where there is no value.
_cqlduck_value() {
  kind='' words=''
  case "$1 $2" in
${values.join("\n")}
  esac
}

_cqlduck_options() {
  case "$1" in
${options.join("\n")}
    *) words='' ;;
  esac
}

_cqlduck() {
  local cur=\${COMP_WORDS[COMP_CWORD]} word command='' option='' prefix='' ended='' kind words IFS=$' \\t\\n'
  local -i i position=0
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      [[ $word == '=' ]] || option=''
    elif [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == -?* ]]; then
      _cqlduck_value "$command" "$word"
      [[ -n $kind ]] && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      position+=1
    fi
  done
  if [[ -n $option && $cur == '=' ]]; then
    cur=''
  elif [[ -z $option && -z $ended && $cur == --*=* ]]; then
    option=\${cur%%=*} prefix=\${cur%%=*}= cur=\${cur#*=}
  fi
  COMPREPLY=()
  if [[ -z $option && -z $ended && $cur == -* ]]; then
    _cqlduck_options "$command"
    kind=words
  else
    _cqlduck_value "$command" "\${option:-$position}"
  fi
  if [[ $kind == words ]]; then
    COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$cur"))
  elif [[ $kind == files ]]; then
    # Readline completes paths itself, quotes and all; bash 3 can't be told to.
    [[ -z $prefix ]] && compopt -o default 2>/dev/null && return
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -P "$prefix" -f -- "$cur")
  fi
}

complete -F _cqlduck cqlduck
`;
}

function zshScript(commands: readonly CommandWords[]): string {
  const [root, ...children] = commands;
  const described = children.map(({ name, summary }) => `        ${quote(`${escapeZsh(name)}:${summary}`)}`);
  const cases = children.map((command) => {
    const last = command.values.length - 1;
    const args = command.values.map((value, i) => {
      return `${command.variadic && i === last ? "*" : i + 1}:${zshValue(value)}`;
    });
    const specs = [...command.options.flatMap(zshOption), ...args];
    return `        ${command.name}) _arguments -S \\\n${specs.map((spec) => `          ${quote(spec)}`).join(" \\\n")} ;;`;
  });
  return `#compdef cqlduck
# zsh completion of cqlduck

_cqlduck() {
  local curcontext=$curcontext state line
  local -a commands
  _arguments -C \\
${(root?.options ?? [])
  .flatMap(zshOption)
  .map((spec) => `    ${quote(spec)} \\`)
  .join("\n")}
    '1:command:->command' '*::argument:->arguments'
  case $state in
    command)
      commands=(
${described.join("\n")}
      )
      _describe command commands ;;
    arguments)
      case $words[1] in
${cases.join("\n")}
      esac ;;
  esac
}

if [[ $funcstack[1] == _cqlduck ]]; then _cqlduck "$@"; else compdef _cqlduck cqlduck; fi
`;
}

/** The specifications that _arguments has for an option: one for each of its names. */
function zshOption({ names, summary, value, repeatable }: OptionWords): string[] {
  return names.map((name) => {
    const once = repeatable ? "*" : `(${names.join(" ")})`;
    const joined = value && name.startsWith("--") ? "=" : "";
    return `${once}${name}${joined}[${escapeZsh(summary)}]${value ? `:${zshValue(value)}` : ""}`;
  });
}

function zshValue({ name, kind, words }: ValueWords): string {
  const action = { any: " ", files: "_files", words: `(${words.map(escapeZsh).join(" ")})` }[kind];
  return `${escapeZsh(name)}:${action}`;
}

function escapeZsh(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&");
}

function fishScript(commands: readonly CommandWords[]): string {
  const [root] = commands;
  const valued = commands.flatMap(({ name, options }) =>
    options.flatMap((option) => (option.value ? option.names.map((flag) => quoteFish(`${name} ${flag}`)) : [])),
  );
  const summaries = new Map(commands.map(({ name, summary }) => [name, summary]));
  const lines = commands.flatMap((command) => [
    ...command.values.flatMap((value, i) => {
      const order = command.variadic && i === command.values.length - 1 ? "-ge" : "-eq";
      const at = `complete -c cqlduck -n ${quoteFish(`__cqlduck_at '${command.name}' ${order} ${i}`)}`;
      if (value.kind === "files") return [`${at} -F`];
      if (command !== root) return value.kind === "words" ? [`${at} -a ${quoteFish(value.words.join(" "))}`] : [];
      return value.words.map((name) => `${at} -a ${name} -d ${quoteFish(summaries.get(name) ?? "")}`);
    }),
    ...command.options.map((option) => fishOption(command.name, option)),
  ]);
  return `# fish completion of cqlduck

set -g __cqlduck_valued ${valued.join(" ")}

# Whether the cursor stands in this command, and, where a test and a number follow, at such an argument of it.
function __cqlduck_at
    set -l command ''
    set -l position 0
    set -l skip 0
    for token in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^-.' $token
            contains -- "$command $token" $__cqlduck_valued; and set skip 1
        else if test -z "$command"
            set command $token
        else
            set position (math $position + 1)
        end
    end
    test "$command" = "$argv[1]"; or return
    test (count $argv) = 1; or test $position $argv[2] $argv[3]
end

complete -c cqlduck -f
${lines.join("\n")}
`;
}

function fishOption(command: string, { names, summary, value }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = { any: "-x", files: "-rF", words: `-x -a ${quoteFish(value?.words.join(" ") ?? "")}` };
  const at = quoteFish(`__cqlduck_at '${command}'`);
  return ["complete -c cqlduck -n", at, ...flags, ...(value ? [takes[value.kind]] : []), "-d", quoteFish(summary)].join(
    " ",
  );
}

function quoteFish(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
