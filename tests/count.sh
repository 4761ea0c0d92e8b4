#!/bin/sh
# count.sh DIR: how many test cases passed and failed, from the logs that `make check` left below DIR.
# A cmocka program counts its cases; a script counts as one; a crashed program counts as one failure.
set -u
dir=${1:-tests}
passed=0 failed=0 skipped=0
for trs in $(find "$dir" -name '*.trs' | sort); do
	log=${trs%.trs}.log
	result=$(sed -n 's/^:test-result: *//p' "$trs" | head -n 1)
	ok=$(grep -c '^\[       OK \]' "$log")
	bad=$(grep -E '^\[  FAILED  \] [a-zA-Z_0-9]+$' "$log" | sort -u | wc -l)
	case $result in
	PASS) [ "$ok" -gt 0 ] || ok=1; bad=0 ;;
	SKIP) skipped=$((skipped + 1)); ok=0 bad=0 ;;
	*) [ "$bad" -gt 0 ] || bad=1 ;;
	esac
	passed=$((passed + ok)) failed=$((failed + bad))
done
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
