# table.awk: rows of a table from alternating samples of two programs. Input lines, tab-separated:
#
#   pair  side (here|there)  name  value  unit  checksum
#
# A name that comes once a sample: medians with the least and the most, and the median of the pairs' ratios with an interval it lies in with
# 95 % (by ranks, no distribution assumed). A name that comes more often (a pause each) is a sample of its own: the 99th percentile of all
# that a side has, and an interval from pairs drawn anew. -v other=NAME: who is there. Exit 1: a checksum differs.
# Ratios are appended to the file `ratios`, one a line, for the mean over a table.

function sort(a, n,   gap, i, j, t) {
	for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
		for (i = gap + 1; i <= n; i++) {
			t = a[i]
			for (j = i; j > gap && a[j - gap] > t; j -= gap)
				a[j] = a[j - gap]
			a[j] = t
		}
}

function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }

# The rank r for which the median lies between the r-th and the (n + 1 - r)-th with 95 %: the largest with P(B(n, 1/2) < r) <= 2.5 %.
function rank_of(n,   r, p, term) {
	term = p = 0.5 ^ n
	for (r = 1; r <= n / 2 && p <= 0.025; r++) {
		term *= (n - r + 1) / r
		p += term
	}
	return r > 1 ? r - 1 : 1
}

function show(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x) }

# The 99th percentile of what the chosen pairs of a side have.
function percentile(name, side, pairs, chosen,   all, n, i, k, key) {
	n = 0
	for (i = 1; i <= pairs; i++) {
		key = name SUBSEP chosen[i] SUBSEP side
		for (k = 1; k <= count[key]; k++)
			all[++n] = value[key, k]
	}
	sort(all, n)
	return all[int((n * 99 + 99) / 100)]
}

function row(name, here, there, ratio, low, high, note) {
	printf "| %s | %s %s%s | %s %s%s | %.2f (%.2f to %.2f) | %s |\n", name, here[0], unit[name], here[1], there[0], unit[name],
		there[1], ratio, low, high, note
	if (there[0] > 0 && here[0] > 0)
		print ratio >> ratios
}

function once(name,   i, h, t, q, r, here, there) {
	for (i = 1; i <= pairs; i++) {
		h[i] = value[name, i, "here", 1]; t[i] = value[name, i, "there", 1]
		q[i] = t[i] != 0 ? h[i] / t[i] : 0
	}
	sort(h, pairs); sort(t, pairs); sort(q, pairs)
	r = rank_of(pairs)
	here[0] = show(median(h, pairs)); here[1] = " (" show(h[1]) " to " show(h[pairs]) ")"
	there[0] = show(median(t, pairs)); there[1] = " (" show(t[1]) " to " show(t[pairs]) ")"
	row(name, here, there, median(q, pairs), q[r], q[pairs + 1 - r], other ", " pairs " pairs")
}

function often(name,   i, k, n, chosen, q, here, there) {
	for (i = 1; i <= pairs; i++) {
		chosen[i] = i
		n += count[name, i, "here"]
	}
	here[0] = percentile(name, "here", pairs, chosen); there[0] = percentile(name, "there", pairs, chosen)
	for (k = 1; k <= 200; k++) {
		for (i = 1; i <= pairs; i++)
			chosen[i] = 1 + int(rand() * pairs)
		q[k] = percentile(name, "here", pairs, chosen) / percentile(name, "there", pairs, chosen)
	}
	sort(q, 200)
	k = here[0] / there[0]
	here[0] = show(here[0]); there[0] = show(there[0]); here[1] = there[1] = ""
	row(name, here, there, k, q[6], q[195], other ", of " n " here, " pairs " pairs")
}

BEGIN { FS = "\t"; srand(1) }
{
	key = $3 SUBSEP $1 SUBSEP $2
	value[key, ++count[key]] = $4 + 0
	if (!($3 in unit)) {
		names[++nnames] = $3
		unit[$3] = $5
	}
	if ($1 > pairs) pairs = $1
	sum[$3, $1, $2] = $6
	sides[$3, $2] = 1
	if (count[key] > 1) pooled[$3] = 1
}
END {
	for (n = 1; n <= nnames; n++) {
		name = names[n]
		if (!((name, "here") in sides) || !((name, "there") in sides))
			continue # one side cannot tell
		for (i = 1; i <= pairs; i++)
			if (sum[name, i, "here"] != sum[name, i, "there"]) {
				printf "bench: %s: %s here, %s in %s\n", name, sum[name, i, "here"], sum[name, i, "there"], other > "/dev/stderr"
				exit 1
			}
		if (name in pooled) often(name); else once(name)
	}
}
