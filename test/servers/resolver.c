/*
 * test/servers/resolver.c
 *		Names that resolve as a test wants, for LD_PRELOAD.
 *
 *		hang.test		does not answer for a minute
 *		inside.test		is 127.0.0.1
 *		mixed.test		is 10.255.255.1 and 127.0.0.1
 *		rebind.test		is 127.0.0.2 at first and 127.0.0.1 ever after
 *
 * Built by the test that uses it: cc -shared -fPIC -o resolver.so resolver.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*Resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	static int rebound = 0;
	Resolver real = (Resolver) dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo *more;
	int error;

	if (node == NULL)
		return real(node, service, hints, result);
	if (strcmp(node, "hang.test") == 0)
	{
		sleep(60);
		return EAI_AGAIN;
	}
	if (strcmp(node, "inside.test") == 0)
		return real("127.0.0.1", service, hints, result);
	if (strcmp(node, "rebind.test") == 0)
		return real(rebound++ ? "127.0.0.1" : "127.0.0.2", service, hints, result);
	if (strcmp(node, "mixed.test") == 0)
	{
		error = real("10.255.255.1", service, hints, result);
		if (error != 0 || real("127.0.0.1", service, hints, &more) != 0)
			return error;
		(*result)->ai_next = more;
		return 0;
	}
	return real(node, service, hints, result);
}
