/*
 * view/mermaid.c
 *		The picture as a Mermaid flowchart.
 */
#include "postgres.h"

#include "view/render.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

static const char *const classes[] = {"",		"notreached", "running",  "succeeded",
									  "caught", "failed",	  "cancelled"};

/*
 * Mermaid takes what HTML calls entities without the ampersand, after #; and
 * nothing but that keeps a quote, a backtick or a semicolon from meaning
 * something.
 */
static char *
escape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (; *text != '\0'; text++)
	{
		unsigned char c = (unsigned char) *text;

		if (strchr("\"#;&<>`\\[](){}|*_~", c) != NULL)
			appendStringInfo(&buf, "#%d;", c);
		else
			appendStringInfoChar(&buf, c < 0x20 ? ' ' : (char) c);
	}
	return buf.data;
}

/* name, status and measures, one below the other */
static char *
node_text(const OlistNode *node)
{
	char *did = olist_layout_did(node);

	return psprintf("%s%s%s", escape(olist_layout_name(node)), did[0] == '\0' ? "" : "<br>", did);
}

static void
append_nodes(StringInfo buf, const OlistColumn *column, int depth)
{
	check_stack_depth();
	for (int i = 0; i < column->count; i++)
	{
		const OlistNode *node = column->nodes[i];
		bool choice = node->state->kind == OLIST_STATE_CHOICE;
		bool end =
			node->state->kind == OLIST_STATE_SUCCEED || node->state->kind == OLIST_STATE_FAIL;

		if (node->column_count == 0)
		{
			appendStringInfo(buf, "%*ss%d%s\"%s\"%s\n", depth * 2, "", node->id,
							 choice ? "{"
							 : end	? "(["
									: "[",
							 node_text(node),
							 choice ? "}"
							 : end	? "])"
									: "]");
			continue;
		}
		appendStringInfo(buf, "%*ssubgraph s%d[\"%s\"]\n", depth * 2, "", node->id,
						 node_text(node));
		for (int c = 0; c < node->column_count; c++)
		{
			bool boxed = node->column_count > 1;

			if (boxed)
				appendStringInfo(buf, "%*ssubgraph s%db%d[\" \"]\n", depth * 2 + 2, "", node->id,
								 c);
			append_nodes(buf, &node->columns[c], depth + (boxed ? 2 : 1));
			if (boxed)
				appendStringInfo(buf, "%*send\n", depth * 2 + 2, "");
		}
		appendStringInfo(buf, "%*send\n", depth * 2, "");
	}
}

char *
olist_render_mermaid(const OlistLayout *layout)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "---\ntitle: \"%s\"\n---\nflowchart TD\n",
					 olist_render_escape(layout->title));
	append_nodes(&buf, &layout->top, 1);
	for (int i = 0; i < layout->node_count; i++)
	{
		const OlistNode *node = layout->nodes[i];

		for (int e = 0; e < node->edge_count; e++)
		{
			const OlistEdge *edge = &node->edges[e];

			appendStringInfo(&buf, "  s%d %s", node->id,
							 edge->kind == OLIST_EDGE_CATCH ? "-.->" : "-->");
			if (edge->label[0] != '\0')
				appendStringInfo(&buf, "|\"%s\"|", escape(edge->label));
			appendStringInfo(&buf, " s%d\n", edge->to->id);
		}
	}
	if (layout->status == NULL)
		return buf.data;
	for (int shown = OLIST_SHOWN_NOT_REACHED; shown <= OLIST_SHOWN_CANCELLED; shown++)
	{
		bool used = false;

		for (int i = 0; i < layout->node_count; i++)
		{
			if (layout->nodes[i]->shown != (OlistShown) shown)
				continue;
			if (used)
				appendStringInfo(&buf, ",s%d", i);
			else
				appendStringInfo(&buf, "  classDef %s fill:%s,stroke:%s,color:#111827\n  class s%d",
								 classes[shown], olist_render_fill((OlistShown) shown),
								 olist_render_stroke((OlistShown) shown), i);
			used = true;
		}
		if (used)
			appendStringInfo(&buf, " %s\n", classes[shown]);
	}
	return buf.data;
}
