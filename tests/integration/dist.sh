#!/bin/sh
# dist.sh: the tarball has whatever git has: each tracked file is named in Makefile.am or in a fragment. (In a tarball there is nothing to compare with.)
set -u
cd "${GCSTORM_SOURCE:-.}" || exit 1
[ -e .git ] && command -v git > /dev/null || { echo 'no git here'; exit 77; }
bad=0 seen=0
for file in $(git -c safe.directory='*' ls-files); do
	case $file in
	*Makefile.am | *.am.inc | configure.ac | .gitignore) continue ;;
	esac
	seen=$((seen + 1))
	grep -qF -- "$file" Makefile.am ./*/Makefile.am.inc || { echo "not in the tarball: $file"; bad=$((bad + 1)); }
done
echo "$seen files, $bad not in the tarball"
[ "$seen" -gt 500 ] && [ "$bad" = 0 ]
