/*
 * source/xml_fields.c
 *		A few elements out of a small XML document.
 */
#include "postgres.h"

#include "source/xml_fields.h"

#include <expat.h>

typedef struct Parse
{
	XML_Parser parser;
	const OlistXmlField *fields;
	int nfields;
	const OlistXmlField *current; /* the element that is open, or NULL */
} Parse;

static void
start_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	Parse *parse = arg;

	parse->current = NULL;
	for (int i = 0; i < parse->nfields; i++)
	{
		if (strcmp(parse->fields[i].name, name) == 0 && parse->fields[i].value[0] == '\0')
			parse->current = &parse->fields[i];
	}
}

static void
end_element(void *arg, const XML_Char *name)
{
	((Parse *) arg)->current = NULL;
}

static void
character_data(void *arg, const XML_Char *data, int len)
{
	const OlistXmlField *field = ((Parse *) arg)->current;
	size_t used;
	size_t n;

	if (field == NULL)
		return;
	used = strlen(field->value);
	n = Min((size_t) len, field->size - 1 - used);
	memcpy(field->value + used, data, n);
	field->value[used + n] = '\0';
}

/* no answer of S3 has one, and entities are declared there */
static void
refuse_doctype(void *arg, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			   int has_subset)
{
	XML_StopParser(((Parse *) arg)->parser, XML_FALSE);
}

void
olist_xml_fields(const char *document, size_t len, const OlistXmlField *fields, int nfields)
{
	Parse parse = {.parser = XML_ParserCreate(NULL), .fields = fields, .nfields = nfields};

	for (int i = 0; i < nfields; i++)
		fields[i].value[0] = '\0';
	if (parse.parser == NULL)
		return;
	XML_SetUserData(parse.parser, &parse);
	XML_SetElementHandler(parse.parser, start_element, end_element);
	XML_SetCharacterDataHandler(parse.parser, character_data);
	XML_SetStartDoctypeDeclHandler(parse.parser, refuse_doctype);
	(void) XML_Parse(parse.parser, document, (int) len, 1);
	XML_ParserFree(parse.parser);
}
