/*
 * source/xml_fields.h
 *		A few elements out of a small XML document.
 */
#ifndef OLIST_XML_FIELDS_H
#define OLIST_XML_FIELDS_H

/* an element whose text is wanted; what does not fit is cut off */
typedef struct OlistXmlField
{
	const char *name;
	char *value; /* size bytes; "" if the element is not there */
	size_t size;
} OlistXmlField;

/*
 * The text of the first element of each name, wherever it stands. A document
 * that is cut or broken gives what stands before that; one with a DOCTYPE
 * gives nothing after it. Never raises.
 */
extern void
olist_xml_fields(const char *document, size_t len, const OlistXmlField *fields, int nfields);

#endif /* OLIST_XML_FIELDS_H */
