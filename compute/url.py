"""The URL of a function, at its alias, and the permissions of those who may call it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from foundation.grants import filled
from foundation.naming import Arns, Names
from foundation.urls import FunctionUrl, label

LONGEST_LABEL = 80  # a statement's id has at most 100 characters


@dataclass(frozen=True, kw_only=True)
class UrlArgs:
    """The declared URL, the function and alias behind it, and the names of the environment."""

    url: FunctionUrl
    function_name: pulumi.Input[str]
    alias_name: pulumi.Input[str]
    alias_arn: pulumi.Output[str]
    names: Names


class Url(pulumi.ComponentResource):
    """An HTTPS address that takes signed requests of its invokers.

    Each needs both permissions, the second one limited to calls through the address ("Control access to Lambda
    function URLs": since October 2025).
    """

    url: pulumi.Output[str]

    def __init__(self, name: str, args: UrlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("estate:compute:Url", name, None, opts)
        url = aws.lambda_.FunctionUrl(
            f"{name}-address",
            function_name=args.function_name,
            qualifier=args.alias_name,
            authorization_type="AWS_IAM",
            opts=pulumi.ResourceOptions(parent=self),
        )
        for invoker in args.url.invokers:
            self._let_in(name, args, invoker)
        self.url = url.function_url
        self.register_outputs({"url": self.url})

    def _let_in(self, name: str, args: UrlArgs, invoker: str) -> None:
        caller = label(invoker)[-LONGEST_LABEL:]
        principal = args.alias_arn.apply(lambda arn: filled(invoker, Arns.beside(arn, args.names)))
        aws.lambda_.Permission(
            f"{name}-{caller}-url",
            statement_id=f"url-{caller}",
            action="lambda:InvokeFunctionUrl",
            function=args.function_name,
            qualifier=args.alias_name,
            principal=principal,
            function_url_auth_type="AWS_IAM",
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.lambda_.Permission(
            f"{name}-{caller}-invoke",
            statement_id=f"invoke-by-url-{caller}",
            action="lambda:InvokeFunction",
            function=args.function_name,
            qualifier=args.alias_name,
            principal=principal,
            invoked_via_function_url=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
