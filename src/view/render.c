/*
 * view/render.c
 *		What the formats share: colours, escaping.
 */
#include "postgres.h"

#include "view/render.h"

#include "lib/stringinfo.h"

const char *
olist_render_fill(OlistShown shown)
{
	static const char *const fills[] = {"#ffffff", "#ffffff", "#dbeafe", "#dcfce7",
										"#ffedd5", "#fee2e2", "#e5e7eb"};

	return fills[shown];
}

const char *
olist_render_stroke(OlistShown shown)
{
	static const char *const strokes[] = {"#374151", "#9ca3af", "#2563eb", "#16a34a",
										  "#ea580c", "#dc2626", "#6b7280"};

	return strokes[shown];
}

char *
olist_render_escape(const char *text)
{
	static const struct
	{
		char c;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *text != '\0'; text++)
	{
		const char *entity = NULL;

		for (size_t i = 0; i < lengthof(entities); i++)
		{
			if (entities[i].c == *text)
				entity = entities[i].entity;
		}
		if (entity != NULL)
			appendStringInfoString(&buf, entity);
		else
			appendStringInfoChar(&buf, (unsigned char) *text < 0x20 ? ' ' : *text);
	}
	return buf.data;
}
