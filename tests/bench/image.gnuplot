# SPDX-License-Identifier: BSD-3-Clause
#
# image.gnuplot - draws what reading an image costs, compared with the kernel's squashfs
#
#	gnuplot -e "data='POINTS'; output='FILE.svg'; about='...'" image.gnuplot
#
# POINTS has lines "IMAGE SIDE ROW RATIO LOW HIGH TARGET TEXT", with tabs between; ROW is the number
# of a work, TEXT its name. One panel for each image: a point for each side, with a line for its
# quartiles, and a short stroke for the target.

set datafile separator "\t"
images = system(sprintf("cut -f1 '%s' | awk '!seen[$0]++' | paste -sd' '", data))
rows = int(system(sprintf("cut -f3 '%s' | sort -n | tail -n 1", data)))
panels = words(images)

array side[3] = ["davit", "squashfuse", "directory"]
array name[3] = ["Davit's server", "squashfuse\\_ll", "directory"]
array colour[3] = ["#0072b2", "#d55e00", "#009e73"]
array shape[3] = [7, 5, 9]

height = 130.0 + 22 * rows
set terminal svg size 1000, height font "DejaVu Sans,Helvetica,sans-serif" fontscale 0.9 \
    linewidth 1 background "#ffffff"
set output output
set multiplot
set border 1 linewidth 0.8 linecolor "#444444"
set tics nomirror scale 0.5 textcolor "#222222"
set grid xtics linetype 1 linewidth 0.6 linecolor "#e4e4e4"
unset key

# ---- what all panels have ------------------------------------------------

top = 1 - 22 / height
set label 1 "Time, compared with the kernel's squashfs" at screen 0.018, screen top \
    font ",15" textcolor "#111111"
set label 2 about at screen 0.985, screen 12 / height right font ",9" textcolor "#777777" noenhanced
do for [i = 1:3] {
	x = 0.50 + 0.14 * (i - 1)
	set label 10 + i "" at screen x, screen top point pointtype shape[i] pointsize 0.7 \
	    linecolor rgb colour[i]
	set label 20 + i name[i] at screen x + 0.012, screen top font ",10"
}
set label 14 "target" at screen 0.932, screen top font ",10"
set arrow 14 from screen 0.925, screen top - 8 / height to screen 0.925, screen top + 8 / height nohead \
    linewidth 2 linecolor "#111111"

left = 0.285
width = (0.985 - left) / panels
set tmargin at screen 1 - 75 / height
set bmargin at screen 55 / height
set logscale x 2
set xrange [1.0 / 16:64]
set xtics ("1/16" 1.0 / 16, "1/4" 0.25, "1" 1, "4" 4, "16" 16, "64" 64)
set yrange [rows + 0.5:0.5]
if (panels > 2) { set xtics ("1/8" 0.125, "1" 1, "8" 8, "64" 64) }

# ---- one for each image --------------------------------------------------

# The lines of one image and side, or nothing.
lines(image, side) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\"' '%s'", image, side, data)
has(image, side) = int(system(sprintf("awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\"' '%s' | wc -l", \
    image, side, data)))
# side by side
shift(y, i) = y + 0.2 * (i - 2)

do for [p = 1:panels] {
	image = word(images, p)
	set lmargin at screen left + width * (p - 1) + (p > 1 ? 0.012 : 0)
	set rmargin at screen left + width * p - 0.005
	set label 3 image at graph 0.5, graph 1.03 center font ",11" textcolor "#111111" noenhanced
	set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead back \
	    linewidth 0.9 linecolor "#888888"
	do for [row = 1:rows] {
		set arrow 100 + row from graph 0, first row + 0.5 to graph 1, first row + 0.5 nohead back \
		    linewidth 0.4 linecolor "#eeeeee"
	}
	if (p == 1) { set ytics scale 0 font ",10" } else { set format y ""; set ytics scale 0 () }
	plot for [i = 1:3] (has(image, side[i]) ? lines(image, side[i]) : "/dev/null") \
	        using 5:(shift($3, i)):($6 - $5):(0) with vectors nohead linewidth 1.2 \
	        linecolor rgb colour[i] notitle, \
	    for [i = 1:3] (has(image, side[i]) ? lines(image, side[i]) : "/dev/null") \
	        using 4:(shift($3, i)) with points pointtype shape[i] pointsize 0.6 \
	        linecolor rgb colour[i] notitle, \
	    (has(image, "davit") ? lines(image, "davit") : "/dev/null") \
	        using 7:($3 - 0.4):(0):(0.8) with vectors nohead linewidth 2 linecolor "#111111" notitle, \
	    (p == 1 && has(image, "davit") ? lines(image, "davit") : "/dev/null") \
	        using (1e-9):3:ytic(8) with points pointtype 0 notitle
	unset label
	unset arrow
}
unset multiplot
