# SPDX-License-Identifier: BSD-3-Clause
#
# mpi.gnuplot - draws latency and bandwidth on the node and in a container
#
#	gnuplot -e "data='RESULTS'; output='FILE.svg'" mpi.gnuplot
#
# RESULTS is what pairs.awk prints. Lines are the node, circles the container;
# below is their ratio with its quartiles, and the band from 0.97 to 1.03.

set terminal svg size 1000,660 font "DejaVu Sans,Helvetica,sans-serif" fontscale 0.95 \
    linewidth 1 background "#ffffff"
set output output

rows(place, test) = sprintf("< awk '$1 == \"%s\" && $2 == \"%s\"' '%s'", place, test, data)
has(place, test) = int(system(sprintf("awk '$1 == \"%s\" && $2 == \"%s\"' '%s' | wc -l", \
    place, test, data)))
array place[3] = ["2", "4", "2+2"]
array name[3] = ["2 ranks on a node", "4 ranks on a node", "2 + 2, nodes by TCP"]
array colour[3] = ["#0072b2", "#d55e00", "#009e73"]

# ---- what all four have --------------------------------------------------

set multiplot
set border 3 linewidth 0.8 linecolor "#444444"
set tics nomirror scale 0.5 textcolor "#222222"
set grid xtics ytics linetype 1 linewidth 0.6 linecolor "#e4e4e4"
set logscale x 2
set xrange [0.8:5.3e6]
set xtics ("1 B" 1, "16 B" 16, "256 B" 256, "4 KiB" 4096, "64 KiB" 65536, "1 MiB" 1048576)
unset key

left(column) = column == 1 ? 0.075 : 0.575
right(column) = column == 1 ? 0.485 : 0.985

set label 1 "MPI on the node and in a container" at screen 0.018, 0.962 \
    font ",15" textcolor "#111111"
set label 2 system(sprintf("sed -n '1,2s/^# //p' '%s' | paste -sd'~' | sed 's/~/; /'", data)) \
    at screen 0.985, 0.018 right font ",9" textcolor "#777777" noenhanced

# The legend, in one line, which no key of gnuplot's can do with texts of so different lengths.
array at[5] = [0.42, 0.495, 0.60, 0.73, 0.86]
y = 0.964
set arrow 11 from screen at[1], y to screen at[1] + 0.022, y nohead \
    linewidth 1.4 linecolor "#555555"
set label 11 "node" at screen at[1] + 0.028, y font ",10"
set label 12 "" at screen at[2] + 0.005, y point pointtype 6 pointsize 0.55 linewidth 1.2 \
    linecolor rgb "#555555"
set label 16 "container" at screen at[2] + 0.015, y font ",10"
do for [i = 1:3] {
	set arrow 12 + i from screen at[2 + i], y to screen at[2 + i] + 0.018, y nohead \
	    linewidth 4 linecolor rgb colour[i]
	set label 12 + i name[i] at screen at[2 + i] + 0.024, y font ",10"
}

# ---- above: what was measured --------------------------------------------

do for [column = 1:2] {
	test = column == 1 ? "latency" : "bandwidth"
	set lmargin at screen left(column)
	set rmargin at screen right(column)
	set tmargin at screen 0.87
	set bmargin at screen 0.455
	set label 3 (column == 1 ? "Latency, µs" : "Bandwidth, MB/s (all pairs together)") \
	    at graph 0, 1.06 font ",12" textcolor "#111111"
	set format x ""
	unset xlabel
	set logscale y 10
	set yrange [*:*]
	set format y "%g"
	set ytics autofreq
	plot for [i = 1:3] (has(place[i], test) ? rows(place[i], test) : "/dev/null") \
	        using 3:5 with lines linewidth 1.4 linecolor rgb colour[i] notitle, \
	    for [i = 1:3] (has(place[i], test) ? rows(place[i], test) : "/dev/null") \
	        using 3:6 with points pointtype 6 pointsize 0.55 linewidth 1.2 \
	        linecolor rgb colour[i] notitle
	unset label
	unset arrow
}

# ---- below: the ratio ----------------------------------------------------

# All medians are to be seen, and at least 0.9 to 1.1.
reach = real(system(sprintf("awk '!/^#/ && ($2 == \"latency\" || $2 == \"bandwidth\") { \
    d = $7 > 1 ? $7 - 1 : 1 - $7; if (d > m) m = d } END { print m * 1.1 }' '%s'", data)))
reach = reach < 0.1 ? 0.1 : reach > 1 ? 1 : reach

do for [column = 1:2] {
	test = column == 1 ? "latency" : "bandwidth"
	set lmargin at screen left(column)
	set rmargin at screen right(column)
	set tmargin at screen 0.355
	set bmargin at screen 0.115
	set label 3 "Container / node: median of pairs, quartiles" at graph 0, 1.1 \
	    font ",12" textcolor "#111111"
	set format x "%g"
	set xlabel "message size" offset 0, 0.5 font ",11" textcolor "#222222"
	unset logscale y
	set yrange [1 - reach:1 + reach]
	set format y (reach > 0.25 ? "%.1f" : "%.2f")
	set object 1 rectangle from graph 0, first 0.97 to graph 1, first 1.03 behind \
	    fillcolor rgb "#eeeeee" fillstyle solid noborder
	set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead back \
	    linewidth 0.8 linecolor "#888888"
	# side by side
	shift(x, i) = x * 2 ** (0.22 * (i - 2))
	plot for [i = 1:3] (has(place[i], test) ? rows(place[i], test) : "/dev/null") \
	        using (shift($3, i)):8:(0):($9 - $8) with vectors nohead linewidth 1 \
	        linecolor rgb colour[i] notitle, \
	    for [i = 1:3] (has(place[i], test) ? rows(place[i], test) : "/dev/null") \
	        using (shift($3, i)):7 with points pointtype 7 pointsize 0.35 \
	        linecolor rgb colour[i] notitle
}
unset multiplot
