dnl SPDX-License-Identifier: BSD-3-Clause
dnl
dnl Davit's own configure macros: probes for compiler and linker flags, and
dnl dependencies that are collected, so that one run of configure names all
dnl that is missing together with the packages that bring it.

dnl DAVIT_CHECK_CFLAGS(VARIABLE, FLAGS)
dnl Appends to VARIABLE each of FLAGS that the compiler takes without a word.
dnl Each is tried alone; clang only warns of unknown ones, hence -Werror.
AC_DEFUN([DAVIT_CHECK_CFLAGS], [
for davit_flag in $2; do
	AS_VAR_PUSHDEF([davit_cache], [davit_cv_cflag_$davit_flag])
	AC_CACHE_CHECK([whether $CC accepts $davit_flag], [davit_cache], [
		davit_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $davit_flag"
		AC_COMPILE_IFELSE([AC_LANG_SOURCE([extern int davit_probe;])],
			[AS_VAR_SET([davit_cache], [yes])],
			[AS_VAR_SET([davit_cache], [no])])
		CFLAGS=$davit_save_CFLAGS
	])
	AS_VAR_IF([davit_cache], [yes], [AS_VAR_APPEND([$1], [" $davit_flag"])])
	AS_VAR_POPDEF([davit_cache])
done
])

dnl DAVIT_CHECK_LDFLAGS(VARIABLE, FLAGS)
dnl The same for flags of a link.
AC_DEFUN([DAVIT_CHECK_LDFLAGS], [
for davit_flag in $2; do
	AS_VAR_PUSHDEF([davit_cache], [davit_cv_ldflag_$davit_flag])
	AC_CACHE_CHECK([whether the linker accepts $davit_flag], [davit_cache], [
		davit_save_CFLAGS=$CFLAGS
		davit_save_LDFLAGS=$LDFLAGS
		CFLAGS="$CFLAGS $PIE_CFLAGS -Werror"
		LDFLAGS="$LDFLAGS $davit_flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM],
			[AS_VAR_SET([davit_cache], [yes])],
			[AS_VAR_SET([davit_cache], [no])])
		CFLAGS=$davit_save_CFLAGS
		LDFLAGS=$davit_save_LDFLAGS
	])
	AS_VAR_IF([davit_cache], [yes], [AS_VAR_APPEND([$1], [" $davit_flag"])])
	AS_VAR_POPDEF([davit_cache])
done
])

dnl DAVIT_CHECK_FORTIFY(VARIABLE)
dnl Appends -D_FORTIFY_SOURCE=3, else =2, to VARIABLE. Leaves it alone where
dnl the builder's own flags set a level (distributions do; a second definition
dnl would only warn), and where nothing is optimised, since glibc warns then.
AC_DEFUN([DAVIT_CHECK_FORTIFY], [
AC_CACHE_CHECK([for the level of _FORTIFY_SOURCE], [davit_cv_fortify], [
	davit_cv_fortify=none
	AS_CASE([" $CC $CPPFLAGS $CFLAGS "],
		[*_FORTIFY_SOURCE*], [davit_cv_fortify="the builder's"],
		[for davit_level in 3 2; do
			davit_save_CFLAGS=$CFLAGS
			CFLAGS="$CFLAGS -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$davit_level"
			AC_COMPILE_IFELSE([AC_LANG_SOURCE([
#ifndef __OPTIMIZE__
#error "not optimised"
#endif
#include <string.h>
int davit_probe;
])], [davit_cv_fortify=$davit_level])
			CFLAGS=$davit_save_CFLAGS
			test "$davit_cv_fortify" = none || break
		done])
])
AS_CASE([$davit_cv_fortify],
	[2|3], [AS_VAR_APPEND([$1], [" -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$davit_cv_fortify"])])
])

dnl DAVIT_MISSING(WHAT, DEBIAN-PACKAGE, RHEL-PACKAGE)
dnl Notes that WHAT was not found; DAVIT_REPORT_MISSING tells of it.
AC_DEFUN([DAVIT_MISSING], [
AS_VAR_APPEND([davit_missing], ["
  missing: $1 (Debian: $2; RHEL: $3)"])
])

dnl DAVIT_NEED_PKG(PREFIX, MODULE, VERSION, DEBIAN-PACKAGE, RHEL-PACKAGE)
dnl Finds MODULE, at least of VERSION, by pkg-config and sets PREFIX_CFLAGS and
dnl PREFIX_LIBS, or notes it as missing. Its include directories become
dnl -isystem: others' headers must neither warn nor stand in front of ours.
AC_DEFUN([DAVIT_NEED_PKG], [
PKG_CHECK_MODULES([$1], [$2 >= $3],
	[$1_CFLAGS=`AS_ECHO([" $$1_CFLAGS"]) | sed 's/ -I */ -isystem /g'`],
	[DAVIT_MISSING([$2 >= $3], [$4], [$5])])
])

dnl DAVIT_MAY_PKG(PREFIX, MODULE, VERSION)
dnl The same for one that makes Davit faster where it is there: sets HAVE_PREFIX,
dnl and have_prefix to its version or "no".
AC_DEFUN([DAVIT_MAY_PKG], [
PKG_CHECK_MODULES([$1], [$2 >= $3],
	[$1_CFLAGS=`AS_ECHO([" $$1_CFLAGS"]) | sed 's/ -I */ -isystem /g'`
	 AC_DEFINE([HAVE_$1], [1], [$2 is there])
	 m4_tolower([have_$1])=`$PKG_CONFIG --modversion $2`],
	[m4_tolower([have_$1])=no])
])

dnl DAVIT_REPORT_MISSING
dnl Ends configure with the list of all that is missing, if anything is.
AC_DEFUN([DAVIT_REPORT_MISSING], [
AS_IF([test -n "$davit_missing"],
	[AC_MSG_ERROR([some of what Davit is built with was not found:$davit_missing])])
])
