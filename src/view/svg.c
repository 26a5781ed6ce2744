/*
 * view/svg.c
 *		The picture as SVG, drawn where the layout placed it.
 *
 * An edge to the state below is a straight arrow; every other one leaves to the
 * right, runs down or up a lane of its own beside the column, and comes back.
 */
#include "postgres.h"

#include "view/render.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#define LANE_WIDTH 14
#define MARGIN 16

static void
append_text(StringInfo buf, int x, int y, const char *class, const char *text)
{
	appendStringInfo(buf, "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class,
					 olist_render_escape(text));
}

static void
append_node(StringInfo buf, const OlistNode *node)
{
	bool box = node->column_count > 0;
	bool round = node->state->kind == OLIST_STATE_SUCCEED || node->state->kind == OLIST_STATE_FAIL;
	char *name = olist_layout_name(node);
	char *line = olist_layout_did(node);
	int middle = node->x + node->width / 2;

	appendStringInfo(buf,
					 "<g><title>%s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
					 "rx=\"%d\" fill=\"%s\" stroke=\"%s\" stroke-width=\"%s\"%s/>\n",
					 olist_render_escape(node->state->name), node->x, node->y, node->width,
					 node->height, round ? node->height / 2 : 6, olist_render_fill(node->shown),
					 olist_render_stroke(node->shown), box ? "1" : "1.5",
					 node->state->kind == OLIST_STATE_CHOICE ? " stroke-dasharray=\"6 2\"" : "");
	if (box)
		append_text(buf, middle, node->y + 21, "n",
					line[0] == '\0' ? name : psprintf("%s: %s", name, line));
	else
	{
		append_text(buf, middle, node->y + (line[0] == '\0' ? 28 : 20), "n", name);
		if (line[0] != '\0')
			append_text(buf, middle, node->y + 36, "m", line);
	}
	appendStringInfoString(buf, "</g>\n");
}

static void
append_edge(StringInfo buf, const OlistColumn *column, const OlistNode *node, const OlistEdge *edge,
			int *lane)
{
	const char *style = edge->kind == OLIST_EDGE_CATCH ? "e c" : "e";
	const OlistNode *to = edge->to;

	if (to->place == node->place + 1)
	{
		int middle = node->x + node->width / 2;
		int bottom = node->y + node->height;

		appendStringInfo(buf, "<path class=\"%s\" d=\"M%d %dL%d %d\"/>\n", style, middle, bottom,
						 to->x + to->width / 2, to->y - 2);
		if (edge->label[0] != '\0')
			append_text(buf, middle + 8, bottom + 21, "l", edge->label);
		return;
	}
	else
	{
		int right = column->x + column->width - (column->lanes - *lane - 1) * LANE_WIDTH - 4;
		int from_y = node->y + node->height - 8 - (*lane % 4) * 5;
		int to_y = to->y + 10 + (*lane % 4) * 5;

		(*lane)++;
		appendStringInfo(buf, "<path class=\"%s\" d=\"M%d %dH%dV%dH%d\"/>\n", style,
						 node->x + node->width, from_y, right, to_y, to->x + to->width + 2);
		if (edge->label[0] != '\0')
			append_text(buf, node->x + node->width + 6, from_y - 3, "l", edge->label);
	}
}

static void
append_column(StringInfo buf, const OlistColumn *column)
{
	int lane = 0;

	check_stack_depth();
	for (int i = 0; i < column->count; i++)
	{
		const OlistNode *node = column->nodes[i];

		append_node(buf, node);
		for (int c = 0; c < node->column_count; c++)
			append_column(buf, &node->columns[c]);
	}
	for (int i = 0; i < column->count; i++)
	{
		for (int e = 0; e < column->nodes[i]->edge_count; e++)
			append_edge(buf, column, column->nodes[i], &column->nodes[i]->edges[e], &lane);
	}
}

char *
olist_render_svg(const OlistLayout *layout)
{
	StringInfoData buf;
	char *title = layout->status == NULL
					  ? layout->title
					  : psprintf("%s: %s, %s", layout->title, layout->status,
								 olist_layout_duration(layout->started, layout->ended));

	initStringInfo(&buf);
	appendStringInfo(
		&buf,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" role=\"img\">\n"
		"<title>%s</title>\n"
		"<style>text{font-family:sans-serif;fill:#111827}.t{font-size:16px;font-weight:bold}"
		".n{font-size:13px;text-anchor:middle}.m{font-size:11px;text-anchor:middle}"
		".l{font-size:11px;fill:#4b5563}.e{fill:none;stroke:#4b5563;marker-end:url(#a)}"
		".c{stroke:#ea580c;stroke-dasharray:4 3}</style>\n"
		"<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
		"markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" "
		"fill=\"#4b5563\"/></marker></defs>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		Max(layout->width, 2 * MARGIN + 10 * olist_layout_characters(title)), layout->height,
		olist_render_escape(title));
	append_text(&buf, MARGIN, MARGIN + 14, "t", title);
	append_column(&buf, &layout->top);
	appendStringInfoString(&buf, "</svg>");
	return buf.data;
}
