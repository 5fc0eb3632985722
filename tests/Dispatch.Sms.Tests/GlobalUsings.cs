global using Dispatch.Contracts;
