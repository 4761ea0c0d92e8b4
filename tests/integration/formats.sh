#!/bin/sh
# formats.sh: each json_pack and json_unpack has as many arguments as its format asks for. The compiler does not look, and what is read beyond the last
# argument depends on it.
src=${GCSTORM_SOURCE:-.}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cat > "$work/count.awk" <<'AWK'
# One file as one string. Calls one by one: their arguments, split at commas that no bracket and no string holds.
{ text = text $0 "\n" }
function said(where, what) { printf "%s: %s\n", FILENAME, what; bad = 1 }
function wants(format,   n) { n = gsub(/[sibIfoOF#%+]/, "", format); return n }
function call(name, rest,   i, c, depth, quoted, n, arg, format, piece) {
	n = 1
	depth = 1
	for (i = 1; depth > 0 && i <= length(rest); i++) {
		c = substr(rest, i, 1)
		if (quoted && c == "\\") { i++; continue }
		if (c == "\"") quoted = !quoted
		else if (!quoted && index("([{", c)) depth++
		else if (!quoted && index(")]}", c)) depth--
		else if (!quoted && c == "," && depth == 1) { n++; continue }
		if (depth > 0) arg[n] = arg[n] c
	}
	at = name ~ /unpack_ex/ ? 4 : name ~ /pack_ex/ ? 3 : name ~ /unpack/ ? 2 : 1
	piece = arg[at]
	while (match(piece, /"[^"]*"/)) {
		format = format substr(piece, RSTART + 1, RLENGTH - 2)
		piece = substr(piece, RSTART + RLENGTH)
	}
	calls++
	if (wants(format) != n - at)
		said(name, name " of \"" format "\" has " n - at " arguments, not " wants(format))
}
END {
	while (match(text, /json_(un)?pack(_ex)?\(/)) {
		name = substr(text, RSTART, RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		call(name, substr(text, 1, 4000))
	}
	print calls + 0 > "/dev/stderr"
	exit bad
}
AWK

bad=0
for file in $(cd "$src" && find harness workloads faults tests tui runtime bench -name '*.[ch]' 2> /dev/null); do
	grep -q 'json_pack\|json_unpack' "$src/$file" || continue
	(cd "$src" && awk -f "$work/count.awk" "$file") 2>> "$work/calls" || bad=1
done
calls=$(awk '{ n += $1 } END { print n + 0 }' "$work/calls")
[ "$calls" -gt 50 ] || { echo "only $calls calls found"; bad=1; }
# It can fail.
printf 'int f(void)\n{\n\treturn json_unpack(o, "{s:I,s?{s:s}}",\n\t\t"a", &a, "b", "c");\n}\n' > "$work/wrong.c"
awk -f "$work/count.awk" "$work/wrong.c" > "$work/out" 2> /dev/null && { echo "a missing argument is not seen"; bad=1; }
grep -q 'has 4 arguments, not 5' "$work/out" || { echo "what is said of it:"; cat "$work/out"; bad=1; }
[ "$bad" = 0 ] && echo "the formats of $calls calls are right"
exit "$bad"
