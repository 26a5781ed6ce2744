# A fault proxy (test/servers/faultproxy.js) that lives as long as its object.
package Olist::FaultProxy;

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use HTTP::Tiny;
use IPC::Open2;
use JSON::PP;

my $script = $ENV{FAULTPROXY} // dirname(__FILE__) . '/../../servers/faultproxy.js';

# PARAM: upstream => port, strict => region (optional).
sub new
{
	my ($class, %param) = @_;
	my @strict = defined $param{strict} ? ('--strict', $param{strict}) : ();
	my $pid = open2(my $output, my $input,
		'node', $script, 0, $param{upstream}, @strict, '--until-eof');
	my $line = <$output> // croak "the fault proxy did not start";
	my ($port) = $line =~ /127\.0\.0\.1:(\d+) ->/ or croak "the fault proxy said: $line";
	return bless {
		pid => $pid,
		input => $input,
		output => $output,
		port => $port,
		http => HTTP::Tiny->new(timeout => 30)
	}, $class;
}

sub port { return $_[0]->{port}; }
sub endpoint { return "http://127.0.0.1:$_[0]->{port}"; }

sub _control
{
	my ($self, $method, $path, $content) = @_;
	my $response = $self->{http}
	  ->request($method, $self->endpoint . $path, { content => $content // '' });
	croak "$method $path: $response->{status} $response->{content}" unless $response->{success};
	return $response->{content};
}

# Adds a rule; its keys are those of the script's head.
sub fault
{
	my ($self, %rule) = @_;
	$self->_control('POST', '/__fault', encode_json(\%rule));
	return;
}

# Forgets rules and log, and lets held requests go.
sub clear
{
	my ($self) = @_;
	$self->_control('DELETE', '/__fault');
	return;
}

# Lets held requests go.
sub release
{
	my ($self) = @_;
	$self->_control('POST', '/__release');
	return;
}

# The requests seen, as a list of hash references.
sub log
{
	my ($self) = @_;
	return map { decode_json($_) } split /\n/, $self->_control('GET', '/__log');
}

sub DESTROY
{
	my ($self) = @_;
	local $?;
	close $self->{input};
	close $self->{output};
	waitpid $self->{pid}, 0;
	return;
}

1;
