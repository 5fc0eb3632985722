global using Dispatch.Channels;
global using Dispatch.Contracts;
