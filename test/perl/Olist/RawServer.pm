# A server on loopback that answers with whatever bytes a test wants: broken
# answers, redirects, metadata endpoints. It lives as long as its object.
#
#     my $server = Olist::RawServer->new(sub {
#         my ($request, $socket) = @_;      # method, path, headers; to print to
#         $socket->print("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
#     });
#     $server->endpoint; $server->accepts; $server->requests;
#
# The answer's connection is closed when the function returns; where it returns
# 'keep', another request is read from it.
package Olist::RawServer;

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(_exit);
use Socket;

sub new
{
	my ($class, $answer) = @_;
	my $listener = IO::Socket::INET->new(
		Listen => 64,
		LocalAddr => '127.0.0.1',
		ReuseAddr => 1) or die "listen: $!";
	my $log = File::Temp->new;
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		$SIG{CHLD} = 'IGNORE';
		$SIG{PIPE} = 'IGNORE';
		$SIG{TERM} = 'DEFAULT';
		while (1)
		{
			my $socket = $listener->accept or next;
			_append("$log", '"accept"');
			next if fork;
			eval { _serve($socket, $answer, "$log") };
			_exit(0);
		}
	}
	return bless { pid => $pid, port => $listener->sockport, log => $log }, $class;
}

sub _append
{
	my ($log, $line) = @_;
	open my $out, '>>', $log or return;
	syswrite $out, "$line\n";
	close $out;
	return;
}

sub _serve
{
	my ($socket, $answer, $log) = @_;
	my $again = 'keep';
	while (($again // '') eq 'keep')
	{
		my $request = _read_request($socket) or last;
		_append($log, JSON::PP->new->canonical->encode($request));
		$again = $answer->($request, $socket);
		$socket->flush;
	}
	close $socket;
	return;
}

sub _read_request
{
	my ($socket) = @_;
	my $line = <$socket> // return;
	my ($method, $path) = $line =~ m{^(\w+) (\S+)} or return;
	my %header;
	while (defined($line = <$socket>) && $line =~ /^([^:]+):\s*(.*?)\r?\n/)
	{
		$header{ lc $1 } = $2;
	}
	my $body = '';
	read $socket, $body, $header{'content-length'} if $header{'content-length'};
	return { method => $method, path => $path, headers => \%header, body => $body };
}

# Ends a connection with a reset instead of in peace.
sub reset_connection
{
	my ($socket) = @_;
	setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
	close $socket;
	return;
}

sub port { return $_[0]->{port}; }
sub endpoint { return "http://127.0.0.1:$_[0]->{port}"; }

sub _log
{
	my ($self) = @_;
	open my $in, '<', "$self->{log}" or die $!;
	return map { JSON::PP->new->allow_nonref->decode($_) } <$in>;
}

# How many connections there were.
sub accepts
{
	my ($self) = @_;
	return scalar grep { !ref } $self->_log;
}

# The requests: hash references with method, path, headers, body.
sub requests
{
	my ($self) = @_;
	return grep { ref } $self->_log;
}

sub clear
{
	my ($self) = @_;
	truncate "$self->{log}", 0;
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
