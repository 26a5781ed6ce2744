/*
 * star/name.h
 *		Names of places, as people type them, made comparable.
 */
#ifndef OLIST_NAME_H
#define OLIST_NAME_H

/*
 * The name in lower case, without accents, with every run of white space
 * squeezed to one space and none at the ends. Accents are the combining marks
 * that canonical decomposition (NFD) takes off; letters that it does not take
 * apart (æ, ø, ß) stay. palloc'd, in the database's encoding.
 */
extern char *olist_normalize_name(const char *name, int len);

/*
 * Brazil's region of a state's two-letter code: N, NE, CO, SE or S; NULL for
 * anything else.
 */
extern const char *olist_region_of_state(const char *state, int len);

#endif /* OLIST_NAME_H */
