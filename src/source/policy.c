/*
 * source/policy.c
 *		What a user may reach.
 *
 * A user who can name a URL makes the server connect on their behalf, from
 * inside whatever network the server stands in. So the question is not which
 * name was given but which address it led to, and it is asked for every
 * connection at the moment it is opened: a name that resolves to something
 * else the second time, an odd spelling of 127.0.0.1 and a redirect all end
 * here.
 *
 *		address listed in olist_etl.allowed_endpoints?	──► yes
 *		private, loopback, link-local, reserved?		──► no
 *		nothing listed at all, or the name listed?		──► yes
 *		else											──► no
 *
 * A name in the list never opens a private address: who controls the name's
 * zone does not control our network.
 */
#include "postgres.h"

#include "source/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "catalog/pg_authid.h"
#include "compat.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* one entry of olist_etl.allowed_endpoints */
typedef struct Endpoint
{
	int bits;		/* length of the network prefix, -1: a name */
	uint8 net[16];	/* as IPv6, IPv4 mapped */
	int port;		/* 0: any */
	char name[256]; /* in lower case; may start with "*." or be "*" */
} Endpoint;

typedef struct EndpointList
{
	int n;
	Endpoint endpoints[FLEXIBLE_ARRAY_MEMBER];
} EndpointList;

/* a network that nobody is reached in by default */
typedef struct Network
{
	const char *text;
	int bits;
} Network;

/* from the IANA registries of special-purpose addresses */
static const Network closed_v4[] = {
	{"0.0.0.0", 8},		 {"10.0.0.0", 8},	  {"100.64.0.0", 10}, {"127.0.0.0", 8},
	{"169.254.0.0", 16}, {"172.16.0.0", 12},  {"192.0.0.0", 24},  {"192.0.2.0", 24},
	{"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
	{"203.0.113.0", 24}, {"224.0.0.0", 4},	  {"240.0.0.0", 4},
};

/* of IPv6 only 2000::/3 is public at all, less these */
static const Network closed_v6[] = {
	{"2001::", 23},
	{"2001:db8::", 32},
	{"3fff::", 20},
};

/* where clouds give out a machine's or a container's credentials */
static const char *const metadata_addresses[] = {
	"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23",
};

static char *allowed_endpoints = NULL;
static EndpointList *allowed = NULL;
static uint64 generation = 0;

static const uint8 v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static void
map_v4(const void *v4, uint8 *out)
{
	memcpy(out, v4_mapped, sizeof(v4_mapped));
	memcpy(out + 12, v4, 4);
}

/* an IPv4 or IPv6 address as text; false if it is neither */
static bool
parse_address(const char *text, uint8 *out, bool *is_v4)
{
	struct in_addr v4;

	*is_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (*is_v4)
	{
		map_v4(&v4, out);
		return true;
	}
	return inet_pton(AF_INET6, text, out) == 1;
}

static bool
in_network(const uint8 *address, const uint8 *net, int bits)
{
	int whole = bits / 8;
	uint8 mask = (uint8) (0xFF << (8 - bits % 8));

	if (memcmp(address, net, whole) != 0)
		return false;
	return bits % 8 == 0 || ((address[whole] ^ net[whole]) & mask) == 0;
}

static bool
in_networks(const uint8 *address, const Network *networks, size_t n, int family)
{
	for (size_t i = 0; i < n; i++)
	{
		uint8 net[16];

		/* the tables are ours, so they parse */
		(void) inet_pton(family, networks[i].text, net);
		if (in_network(address, net, networks[i].bits))
			return true;
	}
	return false;
}

/*
 * Addresses that carry an IPv4 address in them are judged by that one: mapped,
 * NAT64 (64:ff9b::/96) and 6to4 (2002::/16).
 */
static const uint8 *
embedded_v4(const uint8 *address)
{
	static const uint8 nat64[12] = {0x00, 0x64, 0xFF, 0x9B};

	if (memcmp(address, v4_mapped, 12) == 0 || memcmp(address, nat64, 12) == 0)
		return address + 12;
	if (address[0] == 0x20 && address[1] == 0x02)
		return address + 2;
	return NULL;
}

static bool
is_public(const uint8 *address)
{
	const uint8 *v4 = embedded_v4(address);

	if (v4 != NULL)
		return !in_networks(v4, closed_v4, lengthof(closed_v4), AF_INET);
	if ((address[0] & 0xE0) != 0x20)
		return false;
	return !in_networks(address, closed_v6, lengthof(closed_v6), AF_INET6);
}

/* a socket address as 16 bytes; false for what is no internet address */
static bool
normalize(const struct sockaddr *address, uint8 *out)
{
	if (address->sa_family == AF_INET)
		map_v4(&((const struct sockaddr_in *) address)->sin_addr, out);
	else if (address->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *) address)->sin6_addr, 16);
	else
		return false;
	return true;
}

static bool
name_matches(const char *pattern, const char *host)
{
	size_t pattern_len = strlen(pattern);
	size_t host_len = strlen(host);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (pattern[0] != '*')
		return strcmp(pattern, host) == 0;
	return host_len > pattern_len - 1 &&
		   strcmp(host + host_len - (pattern_len - 1), pattern + 1) == 0;
}

bool
olist_policy_allows(const char *host, int port, const struct sockaddr *address)
{
	uint8 addr[16];
	bool named = allowed == NULL || allowed->n == 0;

	if (!normalize(address, addr))
		return false;
	for (int i = 0; allowed != NULL && i < allowed->n; i++)
	{
		const Endpoint *endpoint = &allowed->endpoints[i];

		if (endpoint->port != 0 && endpoint->port != port)
			continue;
		if (endpoint->bits < 0)
			named = named || name_matches(endpoint->name, host);
		else if (in_network(addr, endpoint->net, endpoint->bits))
			return true;
	}
	return named && is_public(addr);
}

bool
olist_policy_allows_metadata(const struct sockaddr *address)
{
	uint8 addr[16];

	if (!normalize(address, addr))
		return false;
	for (size_t i = 0; i < lengthof(metadata_addresses); i++)
	{
		uint8 known[16];
		bool is_v4;

		if (parse_address(metadata_addresses[i], known, &is_v4) && memcmp(addr, known, 16) == 0)
			return true;
	}
	/* a local agent, as container runtimes and tests have one */
	return addr[0] == 0 && (in_network(addr, (const uint8[16]){[15] = 1}, 128) ||
							(memcmp(addr, v4_mapped, 12) == 0 && addr[12] == 127));
}

uint64
olist_policy_generation(void)
{
	return generation;
}

/* "/24", ":443", "/24:443" or nothing after a host */
static bool
parse_endpoint_tail(const char *p, bool is_v4, Endpoint *endpoint)
{
	char *end;

	if (*p == '/')
	{
		long bits = strtol(p + 1, &end, 10);

		if (endpoint->bits < 0 || end == p + 1 || bits < 0 || bits > (is_v4 ? 32 : 128))
			return false;
		endpoint->bits = (is_v4 ? 96 : 0) + (int) bits;
		p = end;
	}
	if (*p == ':')
	{
		long port = strtol(p + 1, &end, 10);

		if (end == p + 1 || port < 1 || port > 65535)
			return false;
		endpoint->port = (int) port;
		p = end;
	}
	return *p == '\0';
}

/* one entry: name, *.name, *, IPv4 or [IPv6], then /bits and :port */
static bool
parse_endpoint(const char *text, Endpoint *endpoint)
{
	bool bracket = text[0] == '[';
	const char *start = bracket ? text + 1 : text;
	size_t len = strcspn(start, bracket ? "]" : "/:");
	const char *tail = start + len;
	bool is_v4 = false;

	if (len == 0 || len >= sizeof(endpoint->name) || (bracket && *tail != ']'))
		return false;
	if (bracket)
		tail++;
	for (size_t i = 0; i < len; i++)
		endpoint->name[i] = pg_tolower((unsigned char) start[i]);
	endpoint->name[len] = '\0';
	endpoint->port = 0;

	if (parse_address(endpoint->name, endpoint->net, &is_v4) && is_v4 != bracket)
		endpoint->bits = 128;
	else if (bracket || strcmp(endpoint->name, "localhost") == 0 ||
			 strspn(endpoint->name, "*abcdefghijklmnopqrstuvwxyz0123456789-._") != len ||
			 strchr(endpoint->name + 1, '*') != NULL ||
			 (endpoint->name[0] == '*' && len > 1 && endpoint->name[1] != '.'))
		return false;
	else
		endpoint->bits = -1;
	return parse_endpoint_tail(tail, is_v4, endpoint);
}

static bool
check_allowed_endpoints(char **newval, void **extra, GucSource source)
{
	char *text = pstrdup(*newval);
	EndpointList *list;
	size_t max = 1;

	for (const char *p = text; *p != '\0'; p++)
		max += *p == ',';
	list = olist_compat_guc_malloc(offsetof(EndpointList, endpoints) + max * sizeof(Endpoint));
	if (list == NULL)
		return false;
	list->n = 0;
	for (char *item = strtok(text, ", \t\n"); item != NULL; item = strtok(NULL, ", \t\n"))
	{
		if (list->n < (int) max && parse_endpoint(item, &list->endpoints[list->n]))
		{
			list->n++;
			continue;
		}
		GUC_check_errdetail("\"%s\" is no endpoint.", item);
		GUC_check_errhint("List host names (s3.example.com, *.example.com, *), addresses or "
						  "networks (10.1.2.3, 10.0.0.0/8, [::1]), each with :port if only that "
						  "port is meant, separated by commas.");
		olist_compat_guc_free(list);
		return false;
	}
	pfree(text);
	*extra = list;
	return true;
}

static void
assign_allowed_endpoints(const char *newval, void *extra)
{
	allowed = extra;
	generation++;
}

void
olist_policy_init(void)
{
	DefineCustomStringVariable(
		"olist_etl.allowed_endpoints",
		"Lists the hosts, addresses and networks that may be reached.",
		"If it is empty, every public address may be. Private, loopback and link-local addresses "
		"may only be reached if an address or a network listed here holds them.",
		&allowed_endpoints, "", PGC_SUSET, GUC_LIST_INPUT, check_allowed_endpoints,
		assign_allowed_endpoints, NULL);
}

void
olist_policy_check_scheme(const OlistUri *uri, const OlistSourceOptions *options)
{
	switch (uri->scheme)
	{
		case OLIST_SCHEME_FILE:
			if (!has_privs_of_role(options->userid, ROLE_PG_READ_SERVER_FILES))
				ereport(ERROR,
						(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						 errmsg("permission denied to read files of the server"),
						 errdetail("Only roles with privileges of the role \"%s\" may read them.",
								   "pg_read_server_files")));
			break;
		case OLIST_SCHEME_HTTP:
			if (!options->use_http)
				ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
								errmsg("plain http is not allowed"),
								errhint("Use https, or have a superuser set the option use_http "
										"of the server.")));
			break;
		case OLIST_SCHEME_HTTPS:
		case OLIST_SCHEME_S3:
		case OLIST_SCHEME_SAMPLE:
			break;
	}
}
