#!/bin/sh
# docs.sh: what the documents say is there. Every link and every path of the project that they name exists; every gcstorm
# command and option that they show is one that the program's own help lists.
set -u
src=${GCSTORM_SOURCE:-.}
bin=${GCSTORM_BUILD:-build}/gcstorm
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
checked=0 bad=0

fault() { echo "$1" >&2; bad=$((bad + 1)); }

cd "$src" || exit 1
find . -name '*.md' -not -path './build*' | sort > "$work/docs"

# Links: [text](target), outside the web.
while read -r doc; do
	grep -o '](\([^)#]*\)' "$doc" | sed 's/^](//' | grep -v '^[a-z]*://' | sort -u > "$work/links"
	while read -r link; do
		[ -n "$link" ] || continue
		checked=$((checked + 1))
		[ -e "$(dirname "$doc")/$link" ] || fault "$doc: link to '$link', which does not exist"
	done < "$work/links"
done < "$work/docs"

# Paths in backticks that begin with a folder of ours; `{a,b}` and globs expand, a placeholder in capitals or <> is skipped.
while read -r doc; do
	grep -o '`[^`]*`' "$doc" | tr -d '`' | grep -E '^(\./)?(runtime|faults|workloads|harness|tui|incidents|tests|bench|docs|\.ci)/[^ ]*$' |
		grep -v '[<>…]' | grep -vE '[A-Z]{5,}' | sort -u > "$work/paths"
	while read -r path; do
		checked=$((checked + 1))
		# shellcheck disable=SC2086
		for one in $(bash -c "shopt -s nullglob; printf '%s\n' $path"); do
			[ -e "$one" ] || fault "$doc: path '$path', which does not exist"
		done
	done < "$work/paths"
done < "$work/docs"

# Commands: in code blocks (fenced or indented) lines that begin with gcstorm, perhaps after "$ ", and `gcstorm ...` in backticks.
while read -r doc; do
	{ awk '/^```/ { fence = !fence; next } fence || /^    / { sub(/^ *(\$ )?(build\/)?/, ""); if (/^gcstorm [a-z]/) print }' "$doc"
	  grep -o '`gcstorm [a-z][^`]*`' "$doc" | tr -d '`'; } | sort -u > "$work/commands"
	while read -r line; do
		word=$(echo "$line" | awk '{print $2}')
		checked=$((checked + 1))
		"$bin" help "$word" > "$work/help" 2>&1 || { fault "$doc: '$line': no command '$word'"; continue; }
		for opt in $(echo "$line" | sed 's/#.*//' | grep -oE -- ' --[a-z][a-z-]*' ); do
			grep -q -e "$opt" "$work/help" || fault "$doc: '$line': '$word' has no option $opt"
		done
	done < "$work/commands"
done < "$work/docs"

# Scenarios that a document shows in full are valid.
while read -r doc; do
	awk -v out="$work/shown" '/^```yaml/ { n++; file = out n ".yaml"; next } /^```/ { file = "" } file != "" { print > file }' "$doc"
	for shown in "$work"/shown*.yaml; do
		[ -e "$shown" ] || continue
		checked=$((checked + 1))
		grep -q '^version:' "$shown" && { "$bin" check "$shown" > "$work/said" 2>&1 || fault "$doc: $(cat "$work/said")"; }
		rm -f "$shown"
	done
done < "$work/docs"

# The reference is what the tables say today.
checked=$((checked + 1))
sh docs/reference.sh "$bin" > "$work/reference"
cmp -s "$work/reference" docs/reference.md || fault "docs/reference.md is stale: docs/reference.sh build/gcstorm > docs/reference.md"

# Manual pages and completion are what the table of commands says today, a page for every command.
sh docs/manual.sh "$bin" "$work/manual"
for made in "$work"/manual/man/*.1 "$work/manual/completion/gcstorm"; do
	kept=docs/${made#"$work/manual/"}
	checked=$((checked + 1))
	cmp -s "$made" "$kept" || fault "$kept is stale: docs/manual.sh build/gcstorm docs"
done
for kept in docs/man/*.1; do
	checked=$((checked + 1))
	[ -e "$work/manual/man/${kept##*/}" ] || fault "$kept: there is no such command any more"
done

echo "checked $checked statements, $bad wrong"
[ "$checked" -gt 20 ] || { echo "too few statements found: the patterns here have gone blind" >&2; exit 1; }
[ "$bad" = 0 ]
