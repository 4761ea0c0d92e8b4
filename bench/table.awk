# table.awk: rows of a table from samples of several programs that took turns. Input lines, tab-separated:
#
#   round  side (here, or one of the others)  name  value  unit  checksum
#
# -v others="NAME NAME": the other sides, in the order of their columns; one that lacks a name has empty cells. -v ratios=FILE: ratios
# are appended to FILE, a line each: side, ratio. Exit 1: a checksum differs.
#
# A name that comes once a sample: medians with the least and the most, and the median of the rounds' ratios with an interval it lies in with
# 95 % (by ranks, no distribution assumed). A name that comes more often (a pause each) is a sample of its own: the 99th percentile of all
# that a side has, and an interval from rounds drawn anew.
#
# -v means=yes: the input is FILE itself; the row of the geometric means.

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

# The 99th percentile of what the chosen rounds of a side have.
function percentile(name, side, chosen,   all, n, i, k, key) {
	n = 0
	for (i = 1; i <= rounds; i++) {
		key = name SUBSEP chosen[i] SUBSEP side
		for (k = 1; k <= count[key]; k++)
			all[++n] = value[key, k]
	}
	sort(all, n)
	return all[int((n * 99 + 99) / 100)]
}

# A figure that a side does not have in each round is none.
function has(name, side,   i) {
	for (i = 1; i <= rounds; i++)
		if (!((name, i, side, 1) in value))
			return 0
	return 1
}

# A side's own cell.
function figure(name, side,   a, i, chosen) {
	if (name in pooled) {
		for (i = 1; i <= rounds; i++)
			chosen[i] = i
		return show(percentile(name, side, chosen)) " " unit[name]
	}
	for (i = 1; i <= rounds; i++)
		a[i] = value[name, i, side, 1]
	sort(a, rounds)
	return show(median(a, rounds)) " " unit[name] " (" show(a[1]) " to " show(a[rounds]) ")"
}

# Of two zeros it is 1; of something over nothing more than any number.
function quotient(x, y) { return y > 0 ? x / y : x > 0 ? 1e9 : 1 }

function show_ratio(x) { return x >= 1e9 ? "inf" : sprintf("%.2f", x) }

# The cell of here over a side. What has no logarithm is not part of the mean.
function ratio_of(side, q, r, n, middle) {
	if (middle > 0 && middle < 1e9)
		print side "\t" middle >> ratios
	return show_ratio(middle) " (" show_ratio(q[r]) " to " show_ratio(q[n + 1 - r]) ")"
}

function ratio_once(name, side,   i, q) {
	for (i = 1; i <= rounds; i++)
		q[i] = quotient(value[name, i, "here", 1], value[name, i, side, 1])
	sort(q, rounds)
	return ratio_of(side, q, rank_of(rounds), rounds, median(q, rounds))
}

function ratio_often(name, side,   i, k, q, chosen, middle) {
	for (i = 1; i <= rounds; i++)
		chosen[i] = i
	middle = quotient(percentile(name, "here", chosen), percentile(name, side, chosen))
	for (k = 1; k <= 200; k++) {
		for (i = 1; i <= rounds; i++)
			chosen[i] = 1 + int(rand() * rounds)
		q[k] = quotient(percentile(name, "here", chosen), percentile(name, side, chosen))
	}
	sort(q, 200)
	return ratio_of(side, q, 6, 200, middle)
}

function cell(text) { return text == "" ? " |" : " " text " |" }

function row(name,   line, i, k, n) {
	line = "|" cell(name) cell(figure(name, "here"))
	for (i = 1; i <= nothers; i++)
		if (has(name, other[i]))
			line = line cell(figure(name, other[i])) cell(name in pooled ? ratio_often(name, other[i]) : ratio_once(name, other[i]))
		else
			line = line cell("") cell("")
	for (k = 1; k <= rounds; k++)
		n += count[name, k, "here"]
	print line cell(name in pooled ? "of " n " here" : "")
}

function mean_row(   line, i, n) {
	line = "|" cell("geometric mean of the ratios") cell("")
	for (i = 1; i <= nothers; i++) {
		n = nlogs[other[i]]
		line = line cell("") cell(n ? sprintf("%.2f of %d", exp(logs[other[i]] / n), n) : "")
	}
	print line cell("")
}

# All sides have done the same.
function same(name,   i, k, bad) {
	for (k = 1; k <= nothers; k++)
		for (i = 1; i <= rounds && has(name, "here") && has(name, other[k]); i++)
			if (sum[name, i, "here"] != sum[name, i, other[k]]) {
				printf "bench: %s: %s here, %s in %s\n", name, sum[name, i, "here"], sum[name, i, other[k]], other[k] > "/dev/stderr"
				bad = 1
			}
	return !bad
}

BEGIN { FS = "\t"; srand(1); nothers = split(others, other, " ") }
means { logs[$1] += log($2); nlogs[$1]++; next }
{
	key = $3 SUBSEP $1 SUBSEP $2
	value[key, ++count[key]] = $4 + 0
	if (!($3 in unit)) {
		names[++nnames] = $3
		unit[$3] = $5
	}
	if ($1 > rounds) rounds = $1
	sum[$3, $1, $2] = $6
	if (count[key] > 1) pooled[$3] = 1
}
END {
	if (means) {
		mean_row()
		exit 0
	}
	for (n = 1; n <= nnames; n++)
		if (!same(names[n]))
			exit 1
	for (n = 1; n <= nnames; n++)
		if (has(names[n], "here"))
			row(names[n])
}
