/*
 * star/translations.h
 *		The English names of product categories.
 */
#ifndef OLIST_TRANSLATIONS_H
#define OLIST_TRANSLATIONS_H

#include "star/build.h"
#include "star/key_map.h"

typedef struct OlistTranslations
{
	text *unknown;			 /* the category of a product that has none */
	OlistKeyMap *categories; /* by Portuguese name */
	text **english;
	uint32 english_capacity;
} OlistTranslations;

/* category_translation: the translations as they were loaded, for later runs */

/* read the translations and build category_translation from them */
extern OlistTranslations *olist_translations_build(void);

/* the English name of a category; the category itself where there is none */
extern Datum olist_translate(const OlistTranslations *translations, Datum category);

#endif /* OLIST_TRANSLATIONS_H */
