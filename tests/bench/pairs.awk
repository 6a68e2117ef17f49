# SPDX-License-Identifier: BSD-3-Clause
#
# pairs.awk - from single results to medians of pairs
#
# Reads lines "PLACE ROUND SIDE TEST BYTES VALUE", where SIDE is host or
# container; of several values for the same, the greatest counts; round 0 does
# not. Prints for each place, test and size:
#
#	PLACE TEST BYTES PAIRS HOST CONTAINER  medians
#	RATIO LOW HIGH                         container / host of each pair: median, quartiles
#	FROM TO                                95 % confidence interval of that median
#	SAME_LOW SAME_HIGH                     host / host of the next pair: quartiles
#	DIFFERENCE LOW HIGH                    container - host of each pair: median, quartiles

$2 > 0 {
	key = $1 " " $4 " " $5
	if (!(key in seen)) {
		seen[key] = 1
		keys[++count] = key
	}
	at = key SUBSEP $2 SUBSEP $3
	if (!(at in value) || value[at] < $6 + 0)
		value[at] = $6 + 0
	if (rounds < $2 + 0)
		rounds = $2 + 0
}

# Sorts list[1..n].
function sort(list, n,    i, k, x) {
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (k = i - 1; k > 0 && list[k] > x; k--)
			list[k + 1] = list[k]
		list[k + 1] = x
	}
}

# The element at fraction q of a sorted list, between two if need be.
function quantile(list, n, q,    at, low) {
	at = 1 + (n - 1) * q
	low = int(at)
	return low >= n ? list[n] : list[low] + (at - low) * (list[low + 1] - list[low])
}

function quartiles(list, n) {
	sort(list, n)
	return sprintf("%.6g %.6g %.6g", quantile(list, n, .5), quantile(list, n, .25),
	    quantile(list, n, .75))
}

# The values that enclose the median with 95 % confidence, whatever the distribution; six values
# are the fewest that can tell.
function confidence(list, n,    low, high) {
	if (n < 6)
		return "0 inf"
	low = int((n - 1.96 * sqrt(n)) / 2)
	high = n + 1 - low
	return sprintf("%.6g %.6g", list[low < 1 ? 1 : low], list[high > n ? n : high])
}

function summary(key,    n, same, r, h, c, last, host, container, ratio, alike, difference, s) {
	for (r = 1; r <= rounds; r++) {
		if (!((key, r, "host") in value) || !((key, r, "container") in value))
			continue
		h = value[key, r, "host"]
		c = value[key, r, "container"]
		if (n++)
			alike[++same] = h / last
		last = host[n] = h
		container[n] = c
		ratio[n] = c / h
		difference[n] = c - h
	}
	if (!n)
		return
	if (!same)
		alike[++same] = 1
	sort(host, n)
	sort(container, n)
	sort(alike, same)
	s = quartiles(ratio, n)
	printf "%s %d %.6g %.6g %s %s %.6g %.6g %s\n", key, n, quantile(host, n, .5),
	    quantile(container, n, .5), s, confidence(ratio, n), quantile(alike, same, .25),
	    quantile(alike, same, .75), quartiles(difference, n)
}

END {
	for (i = 1; i <= count; i++)
		summary(keys[i])
}
