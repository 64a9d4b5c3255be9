"""The AWS managed policies that bring a risk, by name.

Derived from the policies' documents with `breakglass.policy.lint.statement_risks`: AWS's of September 2026, as moto
ships them. A test compares every name with the documents, so that a newer moto shows what has to change here. Policies
of service-linked roles are left out, since nothing else can have them. A policy with administrator access is listed as
such and nowhere else.

Non-goals: AWS managed policies newer than the documents, which count as harmless.
"""

from collections.abc import Mapping

from breakglass.types import RiskAcknowledgement

MANAGED_POLICIES: Mapping[RiskAcknowledgement, frozenset[str]] = {
    RiskAcknowledgement.administrator_access: frozenset(
        """
        AIDevOpsAgentActionsPolicy AWSMcpServiceActionsFullAccess AdministratorAccess PowerUserAccess
        """.split()
    ),
    RiskAcknowledgement.iam: frozenset(
        """
        AWSApplicationMigrationNetworkMigrationMultiAccount AWSCodeStarServiceRole
        AWSManagedAccountManagementAccess AWSManagedSettingsAdminAccess AWSQuickSetupDeploymentRolePolicy
        AWSQuickSetupDistributorPermissionsBoundary AWSQuickSetupEnableDHMCExecutionPolicy
        AWSQuickSetupJITNADeploymentRolePolicy AWSQuickSetupManageJITNAResourcesExecutionPolicy
        AWSQuickSetupManagedInstanceProfileExecutionPolicy AWSQuickSetupPatchPolicyDeploymentRolePolicy
        AWSQuickSetupPatchPolicyPermissionsBoundary AWSQuickSetupSSMDeploymentRolePolicy
        AWSQuickSetupSSMHostMgmtPermissionsBoundary AWSQuickSetupSSMManageResourcesExecutionPolicy
        AWSTransformNetworkMigrationAgentPolicy AccountManagementFromVercel
        AdministratorAccess-AWSElasticBeanstalk AdministratorAccess-Amplify
        AmazonDataZoneRedshiftGlueProvisioningPolicy AmazonDataZoneSageMakerProvisioningRolePolicy
        AmazonEKSComputePolicy AmazonLaunchWizardFullAccessV2 AmazonSecurityLakeAdministrator IAMFullAccess
        ROSAInstallerPolicy ROSAKarpenterControllerPolicy SageMakerStudioAdminIAMDefaultExecutionPolicy
        SageMakerStudioAdminIAMPermissiveExecutionPolicy SageMakerStudioProjectProvisioningRolePolicy
        WellArchitectedConsoleFullAccess
        """.split()
    ),
    RiskAcknowledgement.sso: frozenset(
        """
        AWSControlTowerIdentityCenterManagementPolicy AWSGrafanaWorkspacePermissionManagement
        AWSIdentityCenterExternalManagementPolicy AWSManagedAccountUserEntitlementAccess
        AWSManagedSettingsAdminAccess AWSSSODirectoryAdministrator AWSSSOMasterAccountAdministrator
        AWSSSOMemberAccountAdministrator AWSSupplyChainFederationAdminAccess
        AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary
        """.split()
    ),
    RiskAcknowledgement.organizations: frozenset(
        """
        AWSAuditManagerAdministratorAccess AWSBackupOrganizationAdminAccess AWSControlTowerServiceRolePolicy
        AWSDirectoryServiceFullAccess AWSFMAdminFullAccess AWSHealthFullAccess
        AWSManagedBudgetsSpendLimitManagementAccess AWSManagedControlPolicyManagementAccess
        AWSManagedServiceAccessManagementAccess AWSManagedSettingsAdminAccess AWSOrganizationsFullAccess
        AWSPrivateMarketplaceAdminFullAccess AWSResourceExplorerOrganizationsAccess
        AWSSSOMasterAccountAdministrator AWSSSOMemberAccountAdministrator AWSSecurityHubOrganizationsAccess
        AWSTransformLandingZoneAgentPolicy AWSTrustedAdvisorPriorityFullAccess
        AmazonDetectiveOrganizationsAccess AmazonDevOpsGuruOrganizationsAccess AmazonGuardDutyFullAccess_v2
        AmazonInspector2FullAccess AmazonInspector2FullAccess_v2 WellArchitectedConsoleFullAccess
        """.split()
    ),
    RiskAcknowledgement.stop_cloudtrail: frozenset(
        """
        AWSCloudTrail_FullAccess AWSCodePipeline_FullAccess AWSControlTowerServiceRolePolicy SystemAdministrator
        """.split()
    ),
    RiskAcknowledgement.alert_path: frozenset(
        """
        AWSApplicationMigrationFSxProxyPolicy AWSAuditManagerAdministratorAccess AWSCodeBuildAdminAccess
        AWSCodeCommitFullAccess AWSCodeCommitPowerUser AWSCodeDeployRole AWSCodeStarServiceRole
        AWSEC2SqlHaInstancePolicy AWSElasticBeanstalkRoleSNS AWSElasticBeanstalkService
        AWSElasticBeanstalkWorkerTier AWSIoTRuleActions AWSLambdaSQSQueueExecutionRole
        AWSQuickSetupDeploymentRolePolicy AWSSecretsManagerClientReadOnlyAccess
        AWSSupplyChainFederationAdminAccess AWSTransformSecretsManagerConnectorPolicy
        AdministratorAccess-Amplify AgentRegistryFullAccess AmazonAppFlowFullAccess AmazonAppStreamFullAccess
        AmazonAthenaFullAccess AmazonCodeGuruReviewerFullAccess AmazonDataZoneRedshiftGlueProvisioningPolicy
        AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary AmazonDocDBElasticFullAccess
        AmazonDynamoDBFullAccess AmazonDynamoDBFullAccesswithDataPipeline AmazonEC2ContainerServiceAutoscaleRole
        AmazonEC2FullAccess AmazonEC2RoleforDataPipelineRole AmazonEC2SpotFleetAutoscaleRole
        AmazonECSInfrastructureRoleforExpressGatewayServices AmazonECS_FullAccess AmazonEMRServicePolicy_v2
        AmazonElasticMapReduceFullAccess AmazonElasticMapReduceRole AmazonElasticMapReduceforEC2Role
        AmazonEventBridgeFullAccess AmazonEventBridgeSchemasFullAccess AmazonGrafanaRedshiftAccess
        AmazonKeyspacesFullAccess AmazonMCSFullAccess AmazonRDSFullAccess AmazonRedshiftAllCommandsFullAccess
        AmazonRedshiftDataFullAccess AmazonRedshiftFullAccess AmazonRedshiftQueryEditor AmazonSNSFullAccess
        AmazonSQSFullAccess AmazonSageMakerCanvasDataPrepFullAccess AmazonSageMakerCanvasFullAccess
        AmazonSageMakerFullAccess AmazonSageMakerGroundTruthExecution
        AmazonSageMakerPartnerServiceCatalogProductsLambdaServiceRolePolicy
        AmazonSecurityLakePermissionsBoundary AutoScalingConsoleFullAccess AutoScalingFullAccess
        CloudWatchEventsFullAccess CloudWatchFullAccess CloudWatchFullAccessV2 ConsoleFullAccessFromVercel
        DBModProvisioningAndMigration DBModVirtualSource DataScientist DatabaseAdministrator
        FinOpsAgentAgentPolicy NetworkAdministrator ROSAInstallerPolicy ROSANodePoolManagementPolicy
        SageMakerStudioAdminIAMDefaultExecutionPolicy SageMakerStudioAdminIAMPermissiveExecutionPolicy
        SageMakerStudioProjectProvisioningRolePolicy SageMakerStudioProjectUserRolePermissionsBoundary
        SageMakerStudioProjectUserRolePolicy SageMakerStudioUserIAMDefaultExecutionPolicy
        SageMakerStudioUserIAMPermissiveExecutionPolicy SecretsManagerReadWrite ServiceQuotasFullAccess
        SystemAdministrator
        """.split()
    ),
}
"""Names of AWS managed policies, without their path, by the risk they bring."""
