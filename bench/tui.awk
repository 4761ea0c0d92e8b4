# tui.awk: tables of bench/tui.sh from samples: kind, screen, RxC, figures; tabs between them.

function sort(a, n,   i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
			t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
		}
}

function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }

# "312 (298 to 330)" of figure number f of a sample's samples
function figure(key, f, format, scale,   a, i, n) {
	n = count[key]
	for (i = 1; i <= n; i++)
		a[i] = value[key, f, i] * scale
	sort(a, n)
	return sprintf(format " (" format " to " format ")", median(a, n), a[1], a[n])
}

function most(key, f,   i, m) {
	for (i = 1; i <= count[key]; i++)
		m = value[key, f, i] > m ? value[key, f, i] : m
	return m + 0
}

function middle(key, f,   a, i, n) {
	n = count[key]
	for (i = 1; i <= n; i++)
		a[i] = value[key, f, i] + 0
	sort(a, n)
	return median(a, n)
}

{
	key = $1 SUBSEP $2 SUBSEP $3
	if (!(key in count)) {
		if (!(($1, $2) in known)) { known[$1, $2] = 1; screens[$1, ++nscreens[$1]] = $2 }
		if (!(($1, $3) in sized)) { sized[$1, $3] = 1; sizes[$1, ++nsizes[$1]] = $3 }
	}
	n = ++count[key]
	for (i = 4; i <= NF; i++)
		value[key, i - 3, n] = $i
}

function shown(size,   part) {
	split(size, part, "x")
	return part[2] "x" part[1]
}

function frames(   i, k, key, line, rule) {
	line = "| a frame of |"
	rule = "|---|"
	for (k = 1; k <= nsizes["frame"]; k++) {
		line = line " " shown(sizes["frame", k]) ": us | % of a core | bytes |"
		rule = rule "---|---|---|"
	}
	print line
	print rule
	for (i = 1; i <= nscreens["frame"]; i++) {
		line = "| " screens["frame", i] " |"
		for (k = 1; k <= nsizes["frame"]; k++) {
			key = "frame" SUBSEP screens["frame", i] SUBSEP sizes["frame", k]
			# ten frames a second: us a frame times 10 are us a second
			line = line (key in count ? " " figure(key, 1, "%.0f", 1) " | " sprintf("%.2f", middle(key, 1) / 1000) " | " sprintf("%.0f", middle(key, 2)) " |" : " | | |")
		}
		print line
	}
}

function feeds(   i, key, none, bare) {
	print "| fed, at " shown(sizes["feed", 1]) " | drawing, % of a core | the dearest frame, us | collecting, % | the record's thread, % | records/s | lost | peak RSS, MiB | more than without |"
	print "|---|---|---|---|---|---|---|---|---|"
	none = "feed" SUBSEP "none" SUBSEP sizes["feed", 1]
	bare = none in count ? middle(none, 8) : 0
	for (i = 1; i <= nscreens["feed"]; i++) {
		key = "feed" SUBSEP screens["feed", i] SUBSEP sizes["feed", 1]
		printf "| %s | %s | %.0f | %s | %s | %.0f | %d | %.1f | %s |\n", screens["feed", i] == "none" ? "without a screen" : screens["feed", i],
			screens["feed", i] == "none" ? "" : figure(key, 1, "%.2f", 1), most(key, 5), figure(key, 2, "%.2f", 1), figure(key, 3, "%.2f", 1),
			middle(key, 6), most(key, 7), middle(key, 8), bare && key != none ? sprintf("%.1f", middle(key, 8) - bare) : ""
	}
}

END {
	if (nscreens["frame"])
		frames()
	if (nscreens["frame"] && nscreens["feed"])
		print ""
	if (nscreens["feed"])
		feeds()
}
