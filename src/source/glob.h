/*
 * source/glob.h
 *		File name patterns over object names.
 *
 *		*		any characters but '/'
 *		**		any characters; "**" before a slash also matches no directory at all
 *		?		one character but '/'
 *		{a,b}	either; may be nested
 *		\c		the character c itself
 */
#ifndef OLIST_GLOB_H
#define OLIST_GLOB_H

typedef struct OlistGlob OlistGlob;

/* Does the name hold any of the characters above? */
extern bool olist_glob_is_pattern(const char *name);

/*
 * Prepare a pattern, palloc'd in the current memory context. Errors: 22023 for
 * an open brace or more alternatives than is sensible.
 */
extern OlistGlob *olist_glob_compile(const char *pattern);

/* Does the whole name match? Takes time in proportion to both lengths. */
extern bool olist_glob_match(const OlistGlob *glob, const char *name);

/* what every matching name starts with, without backslashes */
extern const char *olist_glob_prefix(const OlistGlob *glob);

#endif /* OLIST_GLOB_H */
