#!/bin/sh
# manual.sh GCSTORM DIR: the manual pages and the completion of bash, from the program's table of commands, into DIR
# (man/*.1, completion/gcstorm). A test compares them with the committed ones.
#
#   docs/manual.sh build/gcstorm docs
set -eu
bin=$1 dir=$2
mkdir -p "$dir/man" "$dir/completion"
rm -f "$dir"/man/*.1
"$bin" manual > "$dir/man/gcstorm.1"
for word in $("$bin" help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'); do
	"$bin" manual "$word" > "$dir/man/gcstorm-$word.1"
done
"$bin" completion bash > "$dir/completion/gcstorm"
